"""A whole image, made small, with the outlines of its objects."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from vistry.data.images.decode import load_image
from vistry.data.table import Table
from vistry.errors import VistryError
from vistry.report.detection_picture import COLOURS, HALO
from vistry.report.thumbnail import SIDE, Thumbnail, jpeg

Corners = Sequence[tuple[float, float]]


@dataclass(frozen=True)
class DrawnObject:
    """A line around an object, its corners in fractions of the image, and whether it is one that is looked at."""

    corners: Corners
    bold: bool


def row_picture(table: Table, row: int, label: int | None = None) -> Thumbnail | None:
    """Draw the image of a row with its objects, those of class `label` bold; None if it can't be read."""
    return boxed_picture(table.images[row], _objects_of(table, row, label))


def boxed_picture(path: str, objects: Sequence[DrawnObject] = ()) -> Thumbnail | None:
    """Draw an image with at most SIDE pixels on its longer side; None if its file can't be read."""
    try:
        image = load_image(path, at_least=SIDE)
    except (VistryError, OSError, ValueError):
        return None
    image.thumbnail((SIDE, SIDE))
    if max(image.size) < SIDE and objects:
        image = image.resize(_enlarged(image.size), Image.Resampling.NEAREST)
    draw = ImageDraw.Draw(image)
    for item in sorted(objects, key=lambda item: item.bold):
        line = [(x * image.width, y * image.height) for x, y in item.corners]
        draw.line(line, fill=HALO, width=4 if item.bold else 3)
        draw.line(line, fill=COLOURS["predicted" if item.bold else "true"], width=2 if item.bold else 1)
    return jpeg(image)


def _enlarged(size: tuple[int, int]) -> tuple[int, int]:
    factor = SIDE / max(size)
    return max(1, round(size[0] * factor)), max(1, round(size[1] * factor))


def _objects_of(table: Table, row: int, label: int | None) -> list[DrawnObject]:
    objects = table.objects
    if objects is None or not (objects.width[row] and objects.height[row]):
        return []
    size = np.array([objects.width[row], objects.height[row]], dtype=np.float64)
    drawn = []
    for at in range(int(table.label_starts[row]), int(table.label_starts[row + 1])):
        bold = label is not None and int(table.labels[at]) == label
        rings = [] if objects.shapes is None else objects.shapes.rings_of(at)
        for ring in rings or [_around(objects.boxes[at])]:
            points = np.clip(ring / size, 0, 1)
            corners = [(x, y) for x, y in points.tolist()]
            drawn.append(DrawnObject([*corners, *corners[:1]], bold))
    return drawn


def _around(box: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    x1, y1, x2, y2 = box.tolist()
    return np.array([[x1, y1], [x2, y1], [x2, y2], [x1, y2]], dtype=np.float64)
