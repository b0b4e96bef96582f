"""One picture an object: DATA/NAME/images/NAME.png beside DATA/NAME/masks/*.png; what isn't black is the object."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from vistry.data.findings import Finding, FindingError
from vistry.data.images.formats import HEAD_BYTES, IMAGE_SUFFIXES, decoding_finding, open_image
from vistry.data.masks.rle import Mask, mask_to_runs
from vistry.data.readers.annotation_files import split_of_word
from vistry.data.readers.labels import SEGMENTATION, needs_objects
from vistry.data.readers.locations import Locator
from vistry.data.readers.object_builder import ObjectRecord, ObjectTableBuilder, Shape
from vistry.data.readers.reader import Evidence, Reading
from vistry.data.source import DataSource
from vistry.data.table import UNASSIGNED

NAME = "masks"
ONLY_CLASS = "object"


def judge(source: DataSource) -> Evidence | None:
    """What speaks for this format."""
    return Evidence("a mask for each object") if _fits(source.path) else None


def _fits(path: Path) -> bool:
    """Whether a folder in it, or in its train/, has masks/ and images/."""
    return path.is_dir() and next(_samples(path), None) is not None


def read(source: DataSource, task: str) -> Reading:
    """Every image with a mask a file; folders in masks/ name the classes, else there is one, 'object'."""
    path = source.path
    needs_objects(task, path)
    builder = ObjectTableBuilder(path.resolve(), NAME, task)
    locator = Locator(builder.root)
    findings: list[Finding] = []
    for split, folder in _samples(path.resolve()):
        images = _images(folder / "images")
        if len(images) != 1:
            message = f"expected one image in images/, got {len(images)}"
            findings.append(Finding.of("image-unlabelled", message, folder))
            continue
        row = builder.add_image(locator.locate(str(images[0].relative_to(builder.root))), split)
        for number, (label, mask) in enumerate(_masks(folder / "masks"), start=1):
            try:
                shape = _shape(mask)
                builder.add_object(row, builder.class_id(label), ObjectRecord(shape.box(), number, shape=shape))
            except FindingError as error:
                findings.append(replace(error.finding, file=str(mask)))
                builder.drop_object(row)
    return Reading(builder.build(), tuple(findings))


def guess_task(source: DataSource) -> tuple[str, str]:  # noqa: ARG001 - every reader's signature
    """Segmentation."""
    return SEGMENTATION, "a mask for each object"


def _samples(path: Path) -> Iterator[tuple[int, Path]]:
    """(split, folder) of every image."""
    for folder in _folders(path):
        split = split_of_word(folder.name)
        for inner in _folders(folder) if split != UNASSIGNED else (folder,):
            if (inner / "masks").is_dir() and (inner / "images").is_dir():
                yield split, inner


def _folders(path: Path) -> list[Path]:
    return sorted(entry for entry in path.iterdir() if entry.is_dir() and not entry.name.startswith("."))


def _images(folder: Path) -> list[Path]:
    return sorted(entry for entry in folder.iterdir() if _is_image(entry))


def _is_image(path: Path) -> bool:
    return path.suffix.lower() in IMAGE_SUFFIXES and not path.name.startswith(".")


def _masks(folder: Path) -> list[tuple[str, Path]]:
    """(class, file) of every mask."""
    of_classes = [(inner.name.strip(), file) for inner in _folders(folder) for file in _images(inner)]
    return [(ONLY_CLASS, file) for file in _images(folder)] + of_classes


def _shape(path: Path) -> Shape:
    mask = _pixels(path)
    if not mask.any():
        raise FindingError(Finding.of("mask-empty", "all of the mask is black"))
    return Shape(runs=mask_to_runs(mask), height=mask.shape[0])


def _pixels(path: Path) -> Mask:
    data = path.read_bytes()
    try:
        image = open_image(io.BytesIO(data), data[:HEAD_BYTES], str(path))
    except FindingError as error:
        raise FindingError(Finding.of("mask-invalid", error.finding.message)) from error
    try:
        values = np.asarray(image.convert("RGB") if image.mode in ("P", "PA", "RGBA", "CMYK") else image)
    except Exception as error:
        raise FindingError(
            Finding.of("mask-invalid", decoding_finding(error, str(path), image.format or "image").message)
        ) from error
    inside: Mask = np.any(values, axis=-1) if values.ndim == 3 else values != 0
    return inside
