"""Write a truth in a layout: the pictures, then what describes them."""

from __future__ import annotations

from collections.abc import Callable

from tests.data.layouts.tree import Tree
from tests.data.layouts.truth import POOL, Picture
from tests.data.layouts.writers import (
    box_tables,
    coco,
    folders,
    json_lines,
    label_tables,
    labelling_tools,
    masks,
    unread,
    voc,
    yolo,
)

WRITERS: dict[str, Callable[[Tree], None]] = {
    "folders": folders.write,
    "voc": voc.write,
    "coco": coco.write,
    "yolo": yolo.write,
    "csv": label_tables.write,
    "csv boxes": box_tables.write,
    "jsonl": json_lines.write,
    "metadata": json_lines.write_metadata,
    "cvat": labelling_tools.write_cvat,
    "labelme": labelling_tools.write_labelme,
    "label studio": labelling_tools.write_label_studio,
    "via": labelling_tools.write_via,
    "custom vision": labelling_tools.write_custom_vision,
    "masks": masks.write,
    "unread": unread.write,
}


def build(tree: Tree) -> tuple[str, ...]:
    """Write all files of a tree, whose root must be empty; give the places of pictures that nothing describes."""
    for picture in tree.truth.pictures:
        tree.put(tree.image(picture), picture)
    WRITERS[tree.layout.format](tree)
    strays: list[Picture] = []
    for path in tree.layout.also:
        if "{file}" not in path:
            tree.write(path, _submission(tree, strays) if path.endswith("sample_submission.csv") else "")
            continue
        for _ in range(2):
            number = POOL + len(strays)
            strays.append(Picture(number, f"stray_{number}", tree.truth.pictures[0].suffix))
            tree.put(tree.fill(path, strays[-1]), strays[-1])
    return tuple(path for path in tree.layout.also if "{file}" in path)


def _submission(tree: Tree, strays: list[Picture]) -> str:
    """A competition's sample of answers: one class for each of the pictures that nothing else describes."""
    rows = (
        f"{stray.stem if tree.option('reference') == 'stem' else stray.file},{tree.truth.classes[0]}\n"
        for stray in strays
    )
    return f"{tree.option('columns')}\n{''.join(rows)}"
