"""Write rows as the hosted product's JSON Lines: labels of images, or objects in fractions of the upright image."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from vistry.data.masks.contours import mask_to_outlines
from vistry.data.masks.rle import object_mask, runs_to_text
from vistry.data.objects import Objects, Shapes
from vistry.data.table import Table
from vistry.data.writers.rings import overlap
from vistry.errors import DataError

SUFFIX: str = ".jsonl"


def write(table: Table, images: Sequence[str], *, exact: bool = False) -> Iterator[str]:
    """Yield a line an image. Masks that are run lengths become polygons, whose inner rings are holes.

    With `exact`, for Vistry alone, they stay run lengths in a field `rle`, and areas are kept. Raises DataError for an
    image with objects whose size isn't known.
    """
    objects = table.objects
    if objects is None:
        yield from write_labels(table, images, several=True)
        return
    for row, image in enumerate(images):
        width, height = int(objects.width[row]), int(objects.height[row])
        first, last = int(table.label_starts[row]), int(table.label_starts[row + 1])
        if first < last and not (width and height):
            raise DataError(
                f"{table.where(row)}: the image's size in pixels is unknown, but JSON Lines needs it for fractions"
            )
        details = {"format": Path(image).suffix.lstrip(".").lower(), "width": f"{width}px", "height": f"{height}px"}
        label = [_label(table, objects, index=index, size=(width, height), exact=exact) for index in range(first, last)]
        record = {"image_url": image} | ({"image_details": details} if width else {}) | {"label": label}
        yield json.dumps(record, ensure_ascii=False, allow_nan=False) + "\n"


def write_labels(table: Table, images: Sequence[str], *, several: bool) -> Iterator[str]:
    """Yield a line an image with its label, or the list of its labels where it may have `several`."""
    for row, image in enumerate(images):
        names = [table.classes[label] for label in table.labels_of(row)]
        yield json.dumps({"image_url": image, "label": names if several else names[0]}, ensure_ascii=False) + "\n"


def _label(table: Table, objects: Objects, index: int, size: tuple[int, int], exact: bool) -> dict[str, object]:
    label: dict[str, object] = {"label": table.classes[table.labels[index]], "isCrowd": int(objects.crowd[index])}
    if objects.shapes is None or exact:
        x1, y1, x2, y2 = (objects.boxes[index].astype(np.float64) / (size * 2)).tolist()
        label |= {"topX": x1, "topY": y1, "bottomX": x2, "bottomY": y2}
    if objects.shapes is not None:
        label |= _mask(table, objects.shapes, index=index, size=size, exact=exact)
    if exact and np.isfinite(objects.areas[index]):
        label["area"] = float(objects.areas[index])
    return label


def _mask(table: Table, shapes: Shapes, index: int, size: tuple[int, int], exact: bool) -> dict[str, object]:
    runs = shapes.runs_of(index)
    if exact and len(runs):
        height = int(shapes.run_heights[index])
        return {"rle": {"size": [height, int(runs.sum()) // height], "counts": runs_to_text(runs)}}
    rings = shapes.rings_of(index)
    if len(runs) or (not shapes.even_odd and overlap(rings)):
        rings = mask_to_outlines(object_mask(table, index, *size))
    return {"polygon": [_fractions(ring, size, exact) for ring in rings]}


def _fractions(ring: npt.NDArray[np.floating], size: tuple[int, int], exact: bool) -> list[float]:
    points = ring.astype(np.float64) / size
    flat: list[float] = (points if exact else points.clip(0, 1)).reshape(-1).tolist()
    return flat
