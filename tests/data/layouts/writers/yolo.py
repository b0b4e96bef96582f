"""YOLO's text files, with the names of the classes wherever a tool puts them."""

from __future__ import annotations

from tests.data.layouts.tree import SPLITS, Tree
from tests.data.layouts.truth import Picture, Thing


def write(tree: Tree) -> None:
    for picture in tree.truth.pictures:
        if picture.things or tree.option("negatives") == "empty file":
            tree.write(tree.fill(tree.layout.labels, picture), _lines(tree, picture))
    for option, text in (("yaml", _data_yaml), ("names", _names), ("data", _darknet)):
        if path := tree.option(option):
            tree.write(path, text(tree))
    if lists := tree.option("lists"):
        for path, pictures in tree.by_file(lists):
            tree.write(path, "".join(f"{tree.option('list_root')}{tree.image(picture)}\n" for picture in pictures))


def _lines(tree: Tree, picture: Picture) -> str:
    decimals = ".0" if tree.option("floats") else ""
    score = " 0.875" if tree.option("confidences") else ""
    return "".join(
        f"{tree.truth.index(thing.label)}{decimals} {_box(thing, picture, tree)}{score}\n" for thing in picture.things
    )


def _box(thing: Thing, picture: Picture, tree: Tree) -> str:
    width, height = picture.size
    if tree.truth.kind == "masks":
        return " ".join(f"{x / width!r} {y / height!r}" for x, y in thing.polygon)
    x1, y1, x2, y2 = thing.box
    return f"{(x1 + x2) / 2 / width!r} {(y1 + y2) / 2 / height!r} {(x2 - x1) / width!r} {(y2 - y1) / height!r}"


def _data_yaml(tree: Tree) -> str:
    """The file that ultralytics, Roboflow and CVAT write, each in its own way."""
    keys = {"train": "train", "validation": "val", "test": "test"}
    folders = {
        split: tree.fill(tree.option("yaml_images"), split=split) for split in SPLITS if split in tree.layout.splits
    }
    lines = [f"path: {tree.option('yaml_path')}"] if tree.option("yaml_path") else []
    lines += [f"{keys[split]}: {tree.option('yaml_prefix')}{folder}" for split, folder in folders.items()]
    if tree.option("yaml_names") == "mapping":
        lines += ["names:", *(f"  {at}: {name}" for at, name in enumerate(tree.truth.classes))]
    elif tree.option("yaml_names") == "block":
        lines += [f"nc: {len(tree.truth.classes)}", "names:", *(f"- {name}" for name in tree.truth.classes)]
    else:
        listed = ", ".join(f"'{name}'" for name in tree.truth.classes)
        lines += ["", f"nc: {len(tree.truth.classes)}", f"names: [{listed}]"]
    return "\n".join(lines) + "\n"


def _names(tree: Tree) -> str:
    return "".join(f"{name}\n" for name in tree.truth.classes)


def _darknet(tree: Tree) -> str:
    return (
        f"classes = {len(tree.truth.classes)}\ntrain = data/train.txt\nvalid = data/test.txt\n"
        f"names = {tree.option('list_root')}{tree.option('names')}\nbackup = backup/\n"
    )
