"""Write rows with objects as one COCO file: pixels of the upright image, polygons or compressed run lengths."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

import numpy as np

from vistry.data.masks.rle import area_of_runs, mask_to_runs, object_mask, runs_to_text
from vistry.data.objects import Objects, Shapes
from vistry.data.table import Table
from vistry.data.writers.numbers import shortest_decimal
from vistry.data.writers.rings import overlap
from vistry.errors import DataError

SUFFIX: str = ".json"


def write(table: Table, images: Sequence[str]) -> Iterator[str]:
    """Yield the file's text piece by piece. Ids count from 1, those of the classes in the order of the table's.

    Raises DataError for labels that aren't objects.
    """
    objects = table.objects
    if objects is None:
        raise DataError(f"{table.root} has labels for whole images; COCO's JSON is written with boxes and masks only")
    yield '{\n"images": [\n'
    yield from _listed(_image(objects, row, image) for row, image in enumerate(images))
    yield '\n],\n"annotations": [\n'
    yield from _listed(chain.from_iterable(_annotations(table, objects, row) for row in range(len(table))))
    yield '\n],\n"categories": [\n'
    yield from _listed({"id": number, "name": name} for number, name in enumerate(table.classes, start=1))
    yield "\n]\n}\n"


def _listed(records: Iterable[dict[str, object]]) -> Iterator[str]:
    for number, record in enumerate(records):
        yield (",\n" if number else "") + json.dumps(record, ensure_ascii=False, allow_nan=False)


def _image(objects: Objects, row: int, image: str) -> dict[str, object]:
    width, height = int(objects.width[row]), int(objects.height[row])
    return {"id": row + 1, "file_name": image} | ({"width": width, "height": height} if width else {})


def _annotations(table: Table, objects: Objects, row: int) -> Iterator[dict[str, object]]:
    size = int(objects.width[row]), int(objects.height[row])
    for index in range(int(table.label_starts[row]), int(table.label_starts[row + 1])):
        x1, y1, x2, y2 = map(shortest_decimal, objects.boxes[index])
        box = [x1, y1, round(x2 - x1, 9), round(y2 - y1, 9)]
        mask, area = (
            (None, box[2] * box[3]) if objects.shapes is None else _mask(table, objects.shapes, index, size=size)
        )
        stated = objects.areas[index]
        yield {
            "id": index + 1,
            "image_id": row + 1,
            "category_id": int(table.labels[index]) + 1,
            "bbox": box,
            "area": shortest_decimal(stated) if np.isfinite(stated) else area,
            "iscrowd": int(objects.crowd[index]),
        } | ({} if mask is None else {"segmentation": mask})


def _mask(table: Table, shapes: Shapes, index: int, size: tuple[int, int]) -> tuple[object, float]:
    """The segmentation and its area in pixels; rings of which one cuts a hole into another become run lengths."""
    rings = shapes.rings_of(index)
    if rings and not (shapes.even_odd and overlap(rings)):
        polygons = [ring.reshape(-1).tolist() for ring in rings]
        return polygons, float(object_mask(table, index, *size).sum())
    runs = shapes.runs_of(index)
    height = int(shapes.run_heights[index])
    if rings:
        runs, height = mask_to_runs(object_mask(table, index, *size)), size[1]
    counts = {"size": [height, int(runs.sum(dtype=np.int64)) // height], "counts": runs_to_text(runs)}
    return counts, float(area_of_runs(runs))
