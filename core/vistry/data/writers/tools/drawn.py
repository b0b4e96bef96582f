"""The objects of a table's rows, one by one, as labelling tools draw them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from vistry.data.masks.rle import Mask, object_mask
from vistry.data.readers.object_builder import Box
from vistry.data.table import Table
from vistry.data.writers.rings import Ring, overlap
from vistry.errors import DataError


@dataclass(frozen=True)
class DrawnObject:
    """An object of an image: its class, its box in pixels, and for masks one ring [P, 2], or the mask [H, W]."""

    label: str
    box: Box
    ring: Ring | None = None
    mask: Mask | None = None


def size_of(table: Table, row: int) -> tuple[int, int]:
    """Width and height of an image in pixels. Raises DataError where they aren't known and objects need them."""
    assert table.objects is not None
    size = int(table.objects.width[row]), int(table.objects.height[row])
    if not all(size) and table.label_starts[row] < table.label_starts[row + 1]:
        raise DataError(f"{table.where(row)}: the image's size in pixels is unknown, but the format needs it")
    return size


def refuse_crowds(table: Table, tool: str) -> None:
    """Raise DataError for crowds, which a tool would show as objects."""
    if table.objects is not None and (crowds := int(table.objects.crowd.sum())):
        message = f"{crowds} object(s) are crowds, or 'difficult', which {tool} can't say"
        raise DataError(f"{message}; write coco, jsonl or voc, or remove them")


def labels_of(table: Table, row: int) -> list[str]:
    """The classes of a whole image."""
    return [table.classes[label] for label in table.labels_of(row)]


def drawn_objects(table: Table, row: int) -> Iterator[DrawnObject]:
    """The objects of an image; a mask of several parts is a mask, of one a ring."""
    objects = table.objects
    assert objects is not None
    for index in range(int(table.label_starts[row]), int(table.label_starts[row + 1])):
        label = table.classes[table.labels[index]]
        x1, y1, x2, y2 = (float(np.format_float_positional(side, unique=True)) for side in objects.boxes[index])
        box = (x1, y1, x2, y2)
        if objects.shapes is None:
            yield DrawnObject(label, box)
            continue
        rings = objects.shapes.rings_of(index)
        if len(rings) == 1 and not overlap(rings):
            yield DrawnObject(label, box, ring=rings[0])
        else:
            yield DrawnObject(label, box, mask=object_mask(table, index, *size_of(table, row)))
