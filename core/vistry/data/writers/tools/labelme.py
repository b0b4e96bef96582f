"""Write rows as labelme's JSON files, one an image: rectangles, polygons and masks, or flags of the whole image."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Iterator, Sequence
from posixpath import relpath

import numpy as np
from PIL import Image

from vistry.data.masks.rle import Mask
from vistry.data.readers.split_words import split_of_folders
from vistry.data.table import SPLITS, UNASSIGNED, Table
from vistry.data.writers.file_names import names_of_files, refuse_shared
from vistry.data.writers.split_lists import WORDS
from vistry.data.writers.tools.drawn import DrawnObject, drawn_objects, labels_of, refuse_crowds, size_of

SUFFIX = ".json"
# Of labelme's own files; it warns about one that it doesn't know.
VERSION = "5.5.0"


def write_files(table: Table, images: Sequence[str]) -> Iterator[tuple[str, Iterator[str]]]:
    """Yield a file an image, beside the image where that is below the folder: where labelme looks for it.

    Where the folders of an image don't say its split, its file lies below one that does. Raises DataError for crowds,
    which labelme would show as objects, and for two images whose file would be the same.
    """
    refuse_crowds(table, "labelme")
    files = _files(table, images)
    refuse_shared(files, images)
    for row, file in enumerate(files):
        yield file, _record(table, row, image=_from_file(images[row], file))


def _files(table: Table, images: Sequence[str]) -> list[str]:
    elsewhere = iter(names_of_files([image for image in images if image.startswith("/")]))
    stems = [next(elsewhere) if image.startswith("/") else image.rpartition(".")[0] for image in images]
    return [f"{_split_folder(stem, int(split))}{stem}{SUFFIX}" for stem, split in zip(stems, table.split, strict=True)]


def _split_folder(stem: str, split: int) -> str:
    if split in (UNASSIGNED, split_of_folders(stem.split("/")[:-1])):
        return ""
    return f"{WORDS[SPLITS[split]]}/"


def _from_file(image: str, file: str) -> str:
    return image if image.startswith("/") else relpath(image, file.rpartition("/")[0] or ".")


def _record(table: Table, row: int, image: str) -> Iterator[str]:
    size, flags, shapes = (0, 0), {}, []
    if table.objects is None:
        own = labels_of(table, row)
        flags = {name: name in own for name in table.classes}
    else:
        size = size_of(table, row)
        shapes = [_shape(drawn) for drawn in drawn_objects(table, row)]
    width, height = size
    record: dict[str, object] = {"version": VERSION, "flags": flags, "shapes": shapes, "imagePath": image}
    record |= {"imageData": None, "imageHeight": height or None, "imageWidth": width or None}
    yield json.dumps(record, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _shape(drawn: DrawnObject) -> dict[str, object]:
    kind, points, mask = "rectangle", [list(drawn.box[:2]), list(drawn.box[2:])], None
    if drawn.ring is not None:
        kind, points = "polygon", drawn.ring.tolist()
    elif drawn.mask is not None and drawn.mask.any():
        kind, (points, mask) = "mask", _mask(drawn.mask)
    shape = {"label": drawn.label, "points": points, "group_id": None, "description": "", "shape_type": kind}
    return shape | {"flags": {}, "mask": mask}


def _mask(mask: Mask) -> tuple[list[list[float]], str]:
    """The first and the last pixel of a mask's box, and what is in the box as a picture in text."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    top, bottom, left, right = int(rows[0]), int(rows[-1]), int(columns[0]), int(columns[-1])
    stream = io.BytesIO()
    Image.fromarray(mask[top : bottom + 1, left : right + 1]).save(stream, "PNG")
    return [[left, top], [right, bottom]], base64.b64encode(stream.getvalue()).decode("ascii")
