"""Write rows as tasks that Label Studio imports: rectangles, polygons and brushes in percent, or choices."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from vistry.data.readers.tools import brush
from vistry.data.table import Table
from vistry.data.writers.tools.drawn import DrawnObject, drawn_objects, labels_of, size_of

SUFFIX: str = ".json"
# The names of the tags in a labelling configuration that Label Studio proposes itself.
IMAGE, LABEL, CHOICE = "image", "label", "choice"


def write(table: Table, images: Sequence[str]) -> Iterator[str]:
    """Yield the file's text, a task an image with what people said. Raises DataError for an image of unknown size."""
    return _tasks(table, images, "annotations")


def write_predictions(table: Table, images: Sequence[str]) -> Iterator[str]:
    """The same as what a model said, which people correct."""
    return _tasks(table, images, "predictions")


def _tasks(table: Table, images: Sequence[str], key: str) -> Iterator[str]:
    yield "[\n"
    for row, image in enumerate(images):
        task = {"data": {IMAGE: image}, key: [{"result": list(_results(table, row))}]}
        yield (",\n" if row else "") + json.dumps(task, ensure_ascii=False, allow_nan=False)
    yield "\n]\n"


def _results(table: Table, row: int) -> Iterator[dict[str, object]]:
    if table.objects is None:
        names = labels_of(table, row)
        yield {"from_name": CHOICE, "to_name": IMAGE, "type": "choices", "value": {"choices": names}}
        return
    size = size_of(table, row)
    for number, drawn in enumerate(drawn_objects(table, row), start=1):
        kind, value = _value(drawn, size)
        yield {
            "id": f"{row + 1}-{number}",
            "from_name": LABEL,
            "to_name": IMAGE,
            "type": kind,
            "original_width": size[0],
            "original_height": size[1],
            "image_rotation": 0,
            "value": value | {kind: [drawn.label]},
        }


def _value(drawn: DrawnObject, size: tuple[int, int]) -> tuple[str, dict[str, object]]:
    width, height = size
    if drawn.mask is not None:
        return "brushlabels", {"format": "rle", "rle": brush.encode(drawn.mask)}
    if drawn.ring is not None:
        points = [[100 * x / width, 100 * y / height] for x, y in drawn.ring.tolist()]
        return "polygonlabels", {"points": points, "closed": True}
    x1, y1, x2, y2 = drawn.box
    box: dict[str, object] = {"x": 100 * x1 / width, "y": 100 * y1 / height, "rotation": 0}
    return "rectanglelabels", box | {"width": 100 * (x2 - x1) / width, "height": 100 * (y2 - y1) / height}
