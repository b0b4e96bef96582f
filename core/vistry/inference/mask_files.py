"""Masks as image files, in the folders of the hosted product."""

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
# Marks the image a mask belongs to, in the file beside the masks.
SOURCE = ".image"
MAX_NAME_BYTES = 80  # file systems allow 255, and a mask's name has two such parts and more
# Names that Windows keeps for devices, with any suffix.
RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)


def write_masks(
    folder: Path, image_path: str | Path, detections: Detections, *, classes: Sequence[str], image_type: str
) -> list[Path]:
    """Write each mask to `masks/<image>/<class>/<image>_<idx>_label_<class>_conf_<score>.<ext>` in a folder.

    The files are as large as the image, 255 inside and 0 outside. `<image>` is the image's name without suffix, with a
    number where another image has the same name: the file `.image` in `masks/<image>` has the path of its owner.
    Characters that a file name can't have are written as `_`.

    Args:
        folder: where the folder `masks` is made.
        image_path: the image that was predicted.
        detections: its objects, with masks.
        classes: class names in the order of the model's outputs.
        image_type: JPG, PNG or BMP, in any case.

    Returns:
        The files, in the order of the detections.

    Raises:
        RunError: a file can't be written.
        VistryError: another image type.
    """
    kind = image_type.upper()
    if kind not in FORMATS:
        raise VistryError(f"invalid image_type {image_type!r}; {suggestion(kind, list(FORMATS))}")
    paths: list[Path] = []
    for index, mask in enumerate(detections.masks or ()):
        own_folder = paths[0].parents[1] if paths else _folder_of(folder / "masks", Path(image_path))
        label = file_name(classes[detections.labels[index]])
        name = f"{own_folder.name}_{index}_label_{label}_conf_{detections.scores[index]:.4f}.{kind.lower()}"
        paths.append(own_folder / label / name)
        _write(paths[-1], mask, FORMATS[kind])
    return paths


def file_name(text: str) -> str:
    """Return a text as a file name that is valid on any system, and neither a path nor hidden."""
    printable = "".join(letter if letter.isprintable() else "_" for letter in text)
    name = re.sub(r'[<>:"/\\|?*]', "_", printable).strip(". ")
    if not name or RESERVED.fullmatch(name):
        name = f"_{name}"
    return name.encode()[:MAX_NAME_BYTES].decode(errors="ignore").rstrip(". ")


def _folder_of(masks: Path, image_path: Path) -> Path:
    """Return the folder of an image's masks: the first of `name`, `name-2`, ... that isn't another image's."""
    source = os.fsencode(image_path.resolve())
    name = file_name(image_path.stem)
    candidates = (masks / (name if number == 1 else f"{name}-{number}") for number in count(1))
    folder = next(candidate for candidate in candidates if _owner(candidate) in (source, None))
    if _owner(folder) is None:
        with replacing(folder / SOURCE) as temporary:
            temporary.write_bytes(source)
    return folder


def _owner(folder: Path) -> bytes | None:
    """Return the path of the image whose masks a folder has; None for a folder that nobody has used."""
    try:
        return (folder / SOURCE).read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None


def _write(path: Path, mask: Rle, kind: str) -> None:
    inside = runs_to_mask(text_to_runs(mask["counts"].decode("ascii")), int(mask["size"][0]))
    values = np.where(inside, np.uint8(255), np.uint8(0))
    with replacing(path) as temporary:
        Image.fromarray(values).save(
            temporary, kind, quality=100
        )  # for JPG, whose losses would blur the border between 0 and 255
