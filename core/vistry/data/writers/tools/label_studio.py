"""Write rows as tasks that Label Studio imports: rectangles, polygons and brushes in percent, or choices."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from urllib.parse import quote

from vistry.data.readers.tools import brush
from vistry.data.table import Table
from vistry.data.writers.numbers import shortest_decimal
from vistry.data.writers.tools.drawn import DrawnObject, drawn_objects, labels_of, refuse_crowds, size_of
from vistry.data.writers.writer import Scores

SUFFIX: str = ".json"
# Where its server has the images of a local storage, by their path below the folder that it may serve.
ADDRESS = "/data/local-files/?d="
# The names of the tags in a labelling configuration that Label Studio proposes itself.
IMAGE, LABEL, CHOICE = "image", "label", "choice"


def write(table: Table, images: Sequence[str]) -> Iterator[str]:
    """Yield the file's text, a task an image with what people said.

    Raises DataError for crowds and for an image of unknown size.
    """
    refuse_crowds(table, "Label Studio")
    return _tasks(images, lambda row: {"annotations": [{"result": list(_results(table, row))}]})


def write_predictions(table: Table, images: Sequence[str], *, scores: Scores) -> Iterator[str]:
    """The same as what the model in the table's `root` said, which people correct.

    Each object has its score, and each task the least one, by which Label Studio can sort tasks.
    """
    return _tasks(images, lambda row: {"predictions": [_prediction(table, row, scores)]})


def _tasks(images: Sequence[str], answer_of: Callable[[int], dict[str, object]]) -> Iterator[str]:
    yield "[\n"
    for row, image in enumerate(images):
        task = {"data": {IMAGE: f"{ADDRESS}{quote(image)}"}} | answer_of(row)
        yield (",\n" if row else "") + json.dumps(task, ensure_ascii=False, allow_nan=False)
    yield "\n]\n"


def _prediction(table: Table, row: int, scores: Scores) -> dict[str, object]:
    own = [shortest_decimal(score) for score in scores[table.label_starts[row] : table.label_starts[row + 1]]]
    results = list(_results(table, row))
    if table.objects is not None:
        results = [result | {"score": score} for result, score in zip(results, own, strict=True)]
    return {"model_version": table.root.name} | ({"score": min(own)} if own else {}) | {"result": results}


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
