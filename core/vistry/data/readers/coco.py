"""COCO: one JSON file with images, annotations and categories; boxes, polygons, and run lengths of either kind."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from vistry.data.findings import Finding, FindingError
from vistry.data.readers.annotation_files import AnnotationFile, split_of_stem, split_of_word
from vistry.data.readers.coco_boxes import BoxEvidence
from vistry.data.readers.image_folders import prefix_of_images
from vistry.data.readers.json_text import Repeated, check_encoding, elements, repeated
from vistry.data.readers.json_values import Json
from vistry.data.readers.labels import DETECTION, SEGMENTATION, ClassNames, needs_objects
from vistry.data.readers.locations import Locator
from vistry.data.readers.object_builder import UNKNOWN, Box, ObjectRecord, ObjectTableBuilder, Shape
from vistry.data.readers.reader import Reading
from vistry.data.readers.shapes import parse_box, parse_pixels, parse_rings, parse_runs
from vistry.data.table import UNASSIGNED

NAME = "coco"
KEYS = (b'"images"', b'"annotations"', b'"categories"')
PREFIX = "instances_"
# How much of a file's beginning and end is searched for KEYS: lists of a gigabyte lie between them.
SAMPLE_BYTES = 1 << 16
# Annotations to look at before the task is guessed.
GUESS_AFTER = 1_000


def fits(path: Path) -> bool:
    """Whether the path is, or holds, a JSON file with two of COCO's keys near its ends."""
    return _is_coco(path) if path.is_file() else bool(_files(path))


def read(path: Path, task: str) -> Reading:
    """Every image with its annotations; a bad annotation is a finding and costs that annotation only."""
    needs_objects(task, path)
    root = (path if path.is_dir() else path.parent).resolve()
    builder = ObjectTableBuilder(root, NAME, task)
    names = ClassNames(builder)
    locator = Locator(root)
    findings: list[Finding] = []
    for file in annotation_files(path):
        findings += _File(file, builder, names, locator=locator).read()
    table = builder.build()
    findings += [*locator.remarks, *names.remarks(path), *builder.unused_classes(table, path)]
    return Reading(table, tuple(findings))


def guess_task(path: Path) -> tuple[str, str]:
    """Segmentation where one of the first annotations has a segmentation, else detection."""
    for file in annotation_files(path):
        num_annotations = 0
        for key, _, value in elements(file.path):
            if key == "annotations" and isinstance(value, dict):
                if value.get("segmentation"):
                    return SEGMENTATION, "annotations with masks"
                num_annotations += 1
                if num_annotations == GUESS_AFTER:
                    break
    return DETECTION, "annotations with boxes"


def annotation_files(path: Path) -> list[AnnotationFile]:
    """The file itself, or those of a folder. Raises FindingError where several are not told apart by a split."""
    if path.is_file():
        return [AnnotationFile(path)]
    files = _files(path)
    if len(files) > 1 and any(file.split == UNASSIGNED for file in files):
        names = ", ".join(file.path.name for file in files[:5])
        message = f"{len(files)} COCO files ({names}), not all of them named train*, validation* or test*"
        raise FindingError(Finding.of("format-ambiguous", message, path))
    return files


def _files(path: Path) -> list[AnnotationFile]:
    """Those in the folder, else in its annotations/, else in the folders named for a split."""
    for folder in (path, path / "annotations"):
        files = [file for file in _json_files(folder) if _is_coco(file)]
        instances = [file for file in files if file.name.startswith(PREFIX)]
        if files:
            return [AnnotationFile(file, split_of_stem(file.stem.removeprefix(PREFIX))) for file in instances or files]
    folders = [folder for folder in sorted(path.iterdir()) if folder.is_dir() and split_of_word(folder.name) >= 0]
    in_folders = [(folder, file) for folder in folders for file in _json_files(folder) if _is_coco(file)]
    return [AnnotationFile(file, split_of_word(folder.name)) for folder, file in in_folders]


def _json_files(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(file for file in folder.glob("*.json") if file.is_file() and not file.name.startswith("."))


def _is_coco(path: Path) -> bool:
    if path.suffix.lower() != ".json":
        return False
    with path.open("rb") as stream:
        sample = stream.read(SAMPLE_BYTES)
        if len(sample) == SAMPLE_BYTES:
            stream.seek(max(SAMPLE_BYTES, path.stat().st_size - SAMPLE_BYTES))
            sample += stream.read()
    sample = sample.replace(b"\0", b"")
    return sum(key in sample for key in KEYS) > 1


class _File:
    """Reads one file. Images, annotations and categories may come in any order, so ids are numbered as they appear."""

    def __init__(self, file: AnnotationFile, builder: ObjectTableBuilder, names: ClassNames, locator: Locator):
        self._file = file
        self._builder = builder
        self._names = names
        self._locator = locator
        self._image_ids: dict[Json, int] = {}
        self._class_ids: dict[Json, int] = {}
        self._images: dict[int, tuple[str, int, int, int]] = {}
        self._classes: dict[int, tuple[str, int]] = {}
        self._count = 0
        self._checkpoint = builder.checkpoint
        self._evidence = BoxEvidence()
        self.findings: list[Finding] = []

    def read(self) -> list[Finding]:
        """Add the file to the builder, and return the findings about it."""
        check_encoding(self._file.path)
        add = {"images": self._add_image, "categories": self._add_class, "annotations": self._add_annotation}
        index = self._builder.add_file(self._file.path)
        for key, line, value in elements(self._file.path):
            if key in add:
                try:
                    if type(value) is not dict:
                        raise FindingError(_not_an_object(value))
                    add[key](value, line)
                except FindingError as error:
                    self._note(error.finding, line)
        orphans, unknown = self._builder.remap_ids(self._checkpoint, self._rows(index), self._labels())
        self._remark_ids(orphans.tolist(), unknown.tolist())
        self.findings += self._evidence.findings(self._file.path)
        return self.findings

    def _note(self, finding: Finding, line: int, subject: str = "") -> None:
        message = f"{subject}: {finding.message}" if subject else finding.message
        self.findings.append(replace(finding, reason=message, file=str(self._file.path), line=line))

    def _add_image(self, record: dict[str, Json], line: int) -> None:
        name = record.get("file_name")
        if type(name) is not str:
            raise FindingError(Finding.of("field-missing", f"the image {record!r:.60} has no 'file_name'"))
        number = self._number(self._image_ids, record.get("id"), "image")
        if number in self._images:
            message = f"image id {record['id']} is given to '{name}' and to '{self._images[number][0]}'"
            raise FindingError(Finding.of("id-repeated", message))
        self._images[number] = name, parse_pixels(record.get("width")), parse_pixels(record.get("height")), line

    def _add_class(self, record: dict[str, Json], _: int) -> None:
        number = self._number(self._class_ids, record.get("id"), "category")
        if number in self._classes:
            raise FindingError(Finding.of("id-repeated", f"category id {record['id']} is given twice"))
        (label,) = self._names.one(record.get("name"))
        self._classes[number] = record["name"], label

    def _number(self, ids: dict[Json, int], value: Json, kind: str) -> int:
        """The provisional number of an id, made at first sight."""
        try:
            number = ids.get(value)
        except TypeError:
            number = None
        if number is not None:
            return number
        plain = _plain_id(value)
        if plain is None:
            raise FindingError(Finding.of("object-invalid", f"the {kind} id is {value!r:.40}, not a number or text"))
        return ids.setdefault(plain, len(ids))

    def _add_annotation(self, annotation: dict[str, Json], line: int) -> None:
        self._count += 1
        name = _plain_id(annotation.get("id"))
        name = name if type(name) is int else self._count
        image = -1
        try:
            image = self._number(self._image_ids, annotation.get("image_id"), "image")
            label = self._number(self._class_ids, annotation.get("category_id"), "category")
            crowd = annotation.get("iscrowd", 0) in (1, "1", True)
            shape = self._shape(annotation.get("segmentation"), name, line, box=annotation.get("bbox"))
            box = _corners(annotation.get("bbox"), shape)
        except FindingError as error:
            self._note(error.finding, line, f"annotation {name}")
            if image >= 0:
                self._builder.drop_object(image)
            return
        self._evidence.add(annotation, box, line)
        area = annotation.get("area")
        area = area if type(area) is float or (type(area) is int and area < 1 << 63) else UNKNOWN
        record = ObjectRecord(box, name, crowd=crowd, area=area, line=line, shape=shape)
        self._builder.add_object(image, label, record)

    def _shape(self, value: Json, name: int, line: int, box: Json) -> Shape | None:
        """The mask, where masks are wanted or the box has to come from it. Raises FindingError."""
        if not self._builder.wants_masks and box is not None:
            return None
        if type(value) is dict:
            return parse_runs(value)
        if not value:
            return None
        if type(value) is not list:
            raise FindingError(
                Finding.of("mask-invalid", f"the segmentation is {value!r:.40}, not polygons or run lengths")
            )
        rings, faults = parse_rings(value)
        for finding in faults:
            self._note(finding, line, f"annotation {name}")
        if not rings:
            raise FindingError(Finding.of("mask-missing", "none of its polygons can be used"))
        return Shape(rings)

    def _rows(self, file: int) -> np.ndarray[Any, np.dtype[np.int64]]:
        """[ids] the row of each image id, -1 where no image has it or its path is refused."""
        rows = np.full(len(self._image_ids) + 1, -1, dtype=np.int64)
        prefix = prefix_of_images(self._builder.root, self._folders(), [name for name, *_ in self._images.values()])
        for number, (name, width, height, line) in self._images.items():
            try:
                image = self._locator.locate(name if "://" in name or name.startswith("/") else prefix + name)
                rows[number] = self._builder.add_image(
                    image, self._file.split, file=file, line=line, size=(width, height)
                )
            except FindingError as error:
                self._note(error.finding, line)
        return rows

    def _folders(self) -> Iterator[Path]:
        """Where images may be: beside the file, in the data folder, in images/, in a folder named as the file."""
        root, here = self._builder.root, self._file.path.parent.resolve()
        stem = self._file.path.stem.removeprefix(PREFIX)
        for place in dict.fromkeys((here, root, here.parent)):
            yield from (place / stem, place / "images" / stem, place, place / "images")

    def _labels(self) -> np.ndarray[Any, np.dtype[np.int64]]:
        labels = np.full(len(self._class_ids) + 1, -1, dtype=np.int64)
        for number, (_, label) in self._classes.items():
            labels[number] = label
        return labels

    def _remark_ids(self, orphans: Iterable[tuple[int, int]], unknown: Iterable[tuple[int, int]]) -> None:
        for name, line in orphans:
            message = f"annotation {name}: its image is not listed, or its path is refused"
            self._note(Finding.of("object-orphan", message), line)
        for name, line in unknown:
            self._note(Finding.of("class-unknown", f"annotation {name}: its category is not declared"), line)
        for name in self._builder.repeated_annotation_ids(self._checkpoint[0]):
            self.findings.append(
                Finding.of("annotation-repeated", f"annotation id {name} is given twice", self._file.path)
            )
        numbers = sorted(key for key, number in self._class_ids.items() if number in self._classes and type(key) is int)
        if numbers and numbers[-1] - numbers[0] >= len(numbers):
            listing = ", ".join(map(str, numbers[:8])) + (", ..." if len(numbers) > 8 else "")
            self.findings.append(Finding.of("id-gap", f"the category ids are {listing}", self._file.path))


def _plain_id(value: Json) -> int | str | None:
    """An id as a number where it is one or is written like one, else as text."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if type(value) is str:
        return int(value) if value.isascii() and value.isdigit() else value
    return value if type(value) is int and abs(value) < 1 << 63 else None


def _corners(bbox: Json, shape: Shape | None) -> Box:
    if bbox is None and shape is not None:
        return shape.box()
    left, top, width, height = parse_box(bbox, "x, y, width, height")
    return left, top, left + width, top + height


def _not_an_object(value: Json) -> Finding:
    if isinstance(value, Repeated):
        return repeated(f"{dict(value)!r:.80}")
    return Finding.of("object-invalid", f"{value!r:.60} is not a JSON object")
