"""Write rows with objects as YOLO: a text file an image, data.yaml, and a list of the images of each split."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

import numpy as np

from vistry.data.masks.contours import mask_to_outlines
from vistry.data.masks.rle import object_mask
from vistry.data.objects import Objects, Shapes
from vistry.data.table import Table
from vistry.data.writers.file_names import names_of_files, refuse_shared
from vistry.data.writers.one_ring import one_ring
from vistry.data.writers.rings import overlap
from vistry.data.writers.split_lists import rows_by_split
from vistry.errors import DataError

DESCRIPTION = "data.yaml"


def write_files(table: Table, images: Sequence[str]) -> Iterator[tuple[str, Iterator[str]]]:
    """Yield data.yaml, a list a split, and a text file an image, which is empty where the image has no object.

    Text files are where training tools look for them: in labels/ for an image in images/, else beside an image below
    the folder; those of images elsewhere are in labels/. A mask of several parts becomes one polygon, whose parts are
    joined by lines without width. Raises DataError for labels of whole images, images whose size isn't known, crowds,
    which YOLO would train as objects, and two images whose text file would be the same.
    """
    objects = table.objects
    if objects is None:
        raise DataError(f"{table.root} has labels for whole images; YOLO is written with boxes and masks only")
    if crowds := int(objects.crowd.sum()):
        message = f"{crowds} object(s) are crowds, or 'difficult', which YOLO can't say"
        raise DataError(f"{message}; write coco or voc, or remove them")
    for row in np.flatnonzero(np.diff(table.label_starts)).tolist():
        if not (objects.width[row] and objects.height[row]):
            raise DataError(f"{table.where(row)}: the image's size is unknown, and YOLO needs it for fractions")
    texts = _text_files(images)
    splits = list(rows_by_split(table))
    yield DESCRIPTION, _description(table, [word for word, _ in splits])
    for word, rows in splits:
        yield f"{word}.txt", (f"{_listed(images[row])}\n" for row in rows)
    for row, text in enumerate(texts):
        yield text, _lines(table, objects, row)


def _text_files(images: Sequence[str]) -> list[str]:
    elsewhere = iter(names_of_files([image for image in images if image.startswith("/")]))
    texts = [f"labels/{next(elsewhere)}.txt" if image.startswith("/") else _beside(image) for image in images]
    refuse_shared(texts, images)
    return texts


def _beside(image: str) -> str:
    """The text file of an image: in labels/ in place of the last images/ of its path, else beside it."""
    parts = image.rpartition(".")[0].split("/")
    for at in range(len(parts) - 2, -1, -1):
        if parts[at] == "images":
            parts[at] = "labels"
            break
    return "/".join(parts) + ".txt"


def _listed(image: str) -> str:
    return image if image.startswith("/") else f"./{image}"


def _description(table: Table, words: Sequence[str]) -> Iterator[str]:
    yield "path: .\n"
    # Training tools want both.
    for word in dict.fromkeys(("train", "val", *words)):
        yield f"{word}: {word if word in words else words[0]}.txt\n"
    yield "names:\n"
    yield from (f"  {number}: {json.dumps(name, ensure_ascii=False)}\n" for number, name in enumerate(table.classes))


def _lines(table: Table, objects: Objects, row: int) -> Iterator[str]:
    size = np.array([objects.width[row], objects.height[row]], dtype=np.float64)
    for index in range(int(table.label_starts[row]), int(table.label_starts[row + 1])):
        if objects.shapes is None:
            numbers = _box(objects, index, size)
        else:
            numbers = (_ring(table, objects.shapes, index, size=size) / size).reshape(-1).tolist()
        yield f"{table.labels[index]} {' '.join(map(repr, numbers))}\n"


def _box(objects: Objects, index: int, size: np.ndarray[tuple[int], np.dtype[np.float64]]) -> list[float]:
    """Centre, width and height as fractions."""
    corners = objects.boxes[index].astype(np.float64).reshape(2, 2) / size
    middle, extent = corners.mean(axis=0), corners[1] - corners[0]
    return [*middle.tolist(), *extent.tolist()]


def _ring(
    table: Table, shapes: Shapes, index: int, size: np.ndarray[tuple[int], np.dtype[np.float64]]
) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """The outline [P, 2] of an object in pixels."""
    rings = shapes.rings_of(index)
    if len(shapes.runs_of(index)) or (len(rings) > 1 and not shapes.even_odd and overlap(rings)):
        rings = mask_to_outlines(object_mask(table, index, *size.astype(int).tolist()))
    return one_ring(rings)
