"""Masks as image files, in the folders where the hosted product puts them."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from itertools import count
from pathlib import Path

import numpy as np
from PIL import Image

from vistry.data.masks.rle import runs_to_mask, text_to_runs
from vistry.errors import VistryError, suggestion
from vistry.evaluation.detection.types import Detections, Rle
from vistry.runs.files import replacing

FORMATS = {"JPG": "JPEG", "PNG": "PNG", "BMP": "BMP"}
SOURCE = ".image"
LONGEST_NAME = 80
RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)


def write_masks(
    folder: Path, image_path: str | Path, detections: Detections, classes: Sequence[str], image_type: str
) -> list[Path]:
    """Write each mask to `masks/<image>/<class>/<image>_<idx>_label_<class>_conf_<score>.<ext>` in the folder.

    The files are as large as the image, 255 inside and 0 outside; `image_type` is JPG, PNG or BMP. `<image>` is the
    image's name without suffix, and a number where another image has taken the name: the file `.image` in
    `masks/<image>` says whose it is. Characters that no file name can have are written as `_`.
    Raises RunError where a file can't be written, and VistryError for another image type.
    """
    kind = image_type.upper()
    if kind not in FORMATS:
        raise VistryError(f"masks can't be written as {image_type!r}; {suggestion(kind, list(FORMATS))}")
    paths: list[Path] = []
    for index, mask in enumerate(detections.masks or ()):
        place = paths[0].parents[1] if paths else _place_of(folder / "masks", Path(image_path))
        label = file_name(classes[detections.labels[index]])
        name = f"{place.name}_{index}_label_{label}_conf_{detections.scores[index]:.4f}.{kind.lower()}"
        paths.append(place / label / name)
        _write(paths[-1], mask, FORMATS[kind])
    return paths


def file_name(text: str) -> str:
    """The text as a name that a file can have on any system, neither a path nor hidden."""
    printable = "".join(letter if letter.isprintable() else "_" for letter in text)
    name = re.sub(r'[<>:"/\\|?*]', "_", printable).strip(". ")
    if not name or RESERVED.fullmatch(name):
        name = f"_{name}"
    return name.encode()[:LONGEST_NAME].decode(errors="ignore").rstrip(". ")


def _place_of(masks: Path, image_path: Path) -> Path:
    """The folder of this image's masks: the first of `name`, `name-2`, ... that is no other image's."""
    source = os.fsencode(image_path.resolve())
    name = file_name(image_path.stem)
    places = (masks / (name if number == 1 else f"{name}-{number}") for number in count(1))
    place = next(place for place in places if _owner(place) in (source, None))
    if _owner(place) is None:
        with replacing(place / SOURCE) as temporary:
            temporary.write_bytes(source)
    return place


def _owner(place: Path) -> bytes | None:
    try:
        return (place / SOURCE).read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None


def _write(path: Path, mask: Rle, kind: str) -> None:
    inside = runs_to_mask(text_to_runs(mask["counts"].decode("ascii")), int(mask["size"][0]))
    values = np.where(inside, np.uint8(255), np.uint8(0))
    with replacing(path) as temporary:
        Image.fromarray(values).save(temporary, kind, quality=100)
