"""A picture of masks for each image, beside it or in another folder: black and white, or a value for each class."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from vistry.data.findings import Finding, FindingError
from vistry.data.masks.rle import mask_to_runs
from vistry.data.readers.labels import SEGMENTATION, ClassNames
from vistry.data.readers.mask_pairs import MAX_COLOURS, MaskPairs, Values, pair_masks, read_values
from vistry.data.readers.masks import ONLY_CLASS
from vistry.data.readers.object_builder import ObjectRecord, ObjectTableBuilder, Shape
from vistry.data.readers.reader import Evidence, Reading
from vistry.data.readers.split_words import split_of_folders
from vistry.data.source import DataSource

NAME = "mask_pictures"
# Files that name classes, a line each in the order of their values from 0, or with a colour each.
NAME_FILES = re.compile(r"(class|label|categor)\w*([_ -]?(names?|map|list|color|colour)s?)?", re.IGNORECASE)
# The palette index of the borders between objects, which belong to none.
VOID = 255
HALF = 128
# Regions of fewer pixels than this are specks of a mask drawn by hand or compressed as JPEG.
SPECK = 4
_COLOURED = re.compile(r"^(.+?)[:,;\s]+(\d{1,3})[,\s]+(\d{1,3})[,\s]+(\d{1,3})(?:[:\s].*)?:*$")


def judge(source: DataSource) -> Evidence | None:
    """How many images have a picture of few colours of the same name beside them or in another folder."""
    if not source.path.is_dir() or not source.index.images:
        return None
    pairs = pair_masks(source.index)
    if not pairs.masks:
        return None
    image, mask = next(iter(pairs.masks.items()))
    count = len(pairs.masks)
    return Evidence(f"{count} images with masks, such as {image} with {mask}", named=count, present=count, covers=count)


def read(source: DataSource, task: str) -> Reading:
    """Every image that has a mask; each connected region of one value is an object."""
    pairs = pair_masks(source.index)
    builder = ObjectTableBuilder(source.root, NAME, task)
    classes = _Classes(source, pairs, ClassNames(builder))
    findings = list(classes.remarks)
    for image, mask in pairs.masks.items():
        path = source.root / mask
        try:
            values = read_values(path)
        except FindingError as error:
            findings.append(replace(error.finding, file=str(path), subject=image))
            continue
        row = builder.add_image(f"{source.root}/{image}", split_of_folders(image.split("/")[:-1]))
        for number, (label, region) in enumerate(classes.regions(values), start=1):
            shape = Shape(runs=mask_to_runs(region), height=region.shape[0])
            builder.add_object(row, label, ObjectRecord(shape.box(), number, shape=shape))
    if pairs.ambiguous:
        message = f"{len(pairs.ambiguous)} mask(s) may belong to several images, such as {pairs.ambiguous[0]}"
        findings.append(Finding.of("annotation-orphan", message, source.root, count=len(pairs.ambiguous)))
    table = builder.build()
    accounted = frozenset((*pairs.masks.values(), *pairs.ambiguous))
    return Reading(table, (*findings, *builder.unused_classes(table, source.path)), auxiliary=accounted)


def guess_task(source: DataSource) -> tuple[str, str]:  # noqa: ARG001 - every reader's signature
    """Segmentation."""
    return SEGMENTATION, "masks as pictures"


class _Classes:
    """What the values of masks stand for, from a file of names, or from the values themselves."""

    def __init__(self, source: DataSource, pairs: MaskPairs, names: ClassNames):
        self._names = names
        self._by_value: dict[int, str] = {}
        self.remarks: list[Finding] = []
        values = _values_seen(source.root, list(pairs.masks.values()))
        self._binary = len(values - {0}) <= 1 or len(values) > MAX_COLOURS
        file = _names_file(source, values)
        if file is not None:
            self._by_value = file[1]
        self._remark(source, values, None if file is None else file[0])

    def regions(self, values: Values) -> Iterator[tuple[int, npt.NDArray[np.bool_]]]:
        """(label, mask [H, W]) of each connected region, of a value and touching at sides or corners."""
        from scipy import ndimage

        if self._binary:
            values = (values >= HALF if values.max(initial=0) >= HALF else values > 0).astype(np.uint32)
        for value in np.unique(values).tolist():
            name = self._name(value)
            if not name:
                continue
            parts, count = ndimage.label(values == value, structure=np.ones((3, 3)))
            sizes = np.bincount(parts.ravel(), minlength=count + 1)
            (label,) = self._names.one(name)
            for part in range(1, count + 1):
                if sizes[part] >= SPECK or count == 1:
                    yield label, parts == part

    def _name(self, value: int) -> str:
        """The class of a value; nothing for the background and for borders."""
        if self._binary:
            return "" if value == 0 else next(iter(self._by_value.values()), ONLY_CLASS)
        if self._by_value:
            return self._by_value.get(value, "")
        return "" if value in (0, VOID) else f"#{value:06x}" if value > VOID else str(value)

    def _remark(self, source: DataSource, values: set[int], file: Path | None) -> None:
        kind = "black and white" if self._binary else f"of {len(values - {0})} values"
        named = "no file names the classes" if file is None else f"{source.relative(file)} names the classes"
        message = f"the masks are {kind}, {named}; each connected region is an object"
        self.remarks.append(Finding.of("masks-connected", message, source.root))


def _values_seen(root: Path, masks: list[str], count: int = 30) -> set[int]:
    """The values in a sample of the masks."""
    values: set[int] = set()
    for mask in masks[:: max(1, len(masks) // count)]:
        try:
            values.update(np.unique(read_values(root / mask)).tolist())
        except FindingError:
            continue
    return values


def _names_file(source: DataSource, values: set[int]) -> tuple[Path, dict[int, str]] | None:
    """The file that names the classes and the name of each value; None where there is none that fits the values."""
    for file in source.files((".txt", ".names", ".csv")):
        if NAME_FILES.fullmatch(os.path.splitext(file.name)[0]):  # noqa: PTH122
            names = _read_names(file)
            if names and (values - {0, VOID}) <= set(names) | {0}:
                return file, names
    return None


def _read_names(file: Path) -> dict[int, str]:
    """Names by value: a colour's where lines have one, else the line's number, the first being the background's."""
    lines = [line.strip() for line in file.read_text("utf-8-sig", errors="replace").splitlines()]
    lines = [line for line in lines if line and not line.startswith("#")]
    coloured = [match for line in lines if (match := _COLOURED.match(line))]
    if len(coloured) >= max(1, len(lines) - 1):
        colours = {_value(*(int(match[part]) for part in (2, 3, 4))): match[1].strip() for match in coloured}
        return {value: name for value, name in colours.items() if value}
    first = 0 if lines and _is_background(lines[0]) else 1
    return {value: name for value, name in enumerate(lines, start=first) if value}


def _is_background(name: str) -> bool:
    return "background" in name.lower() or name.lower() in ("_", "bg", "none", "__ignore__")


def _value(red: int, green: int, blue: int) -> int:
    return red if red == green == blue else red << 16 | green << 8 | blue
