"""COCO: JSON with images, annotations and categories; boxes, polygons, and run lengths of either kind."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from vistry.data.findings import Finding, FindingError
from vistry.data.readers.annotation_files import AnnotationFile
from vistry.data.readers.category_names import CategoryNames
from vistry.data.readers.coco_boxes import BoxEvidence
from vistry.data.readers.coco_files import KEYPOINTS, CocoFiles, path_of_url
from vistry.data.readers.finder import ImageFinder
from vistry.data.readers.json_text import Repeated, check_encoding, documents, repeated
from vistry.data.readers.json_values import Json
from vistry.data.readers.labels import DETECTION, SEGMENTATION, ClassNames, class_name, needs_objects
from vistry.data.readers.object_builder import UNKNOWN, Box, ObjectRecord, ObjectTableBuilder, Shape
from vistry.data.readers.reader import Evidence, Reading
from vistry.data.readers.shapes import parse_box, parse_pixels, parse_rings, parse_runs, plain_rings
from vistry.data.readers.shared_images import SharedImages
from vistry.data.source import DataSource

NAME = "coco"
# Annotations to look at before the task is guessed.
GUESS_AFTER = 1_000
# No object covers more pixels than an image can have.
MAX_AREA = 1e12


def judge(source: DataSource) -> Evidence | None:
    """What speaks for this format: JSON files with COCO's keys near their ends, and that their images are there."""
    files = CocoFiles.of(source)
    reason, remedy = files.refusal
    if reason:
        return Evidence("COCO's JSON", against=reason, remedy=remedy)
    if not files.read:
        return None
    finder = ImageFinder(source)
    expected = [finder.expect(coco.path, coco.names) for coco in files.read]
    names = ", ".join(coco.path.name for coco in files.read[:3]) + (", ..." if len(files.read) > 3 else "")
    return Evidence(
        f"COCO's JSON in {names}",
        named=sum(named for named, _ in expected),
        present=sum(present for _, present in expected),
        covers=sum(coco.covers for coco in files.read),
    )


def read(source: DataSource, task: str) -> Reading:
    """Every image with its annotations; a bad annotation is a finding and costs that annotation only."""
    needs_objects(task, source.path)
    files = CocoFiles.of(source)
    reason, remedy = files.refusal
    if reason:
        raise FindingError(Finding.of("format-unknown", reason, source.path).advising(remedy))
    # A file of another suffix, or without images, which the user says is COCO's.
    named = [(coco.file, coco.names) for coco in files.read] or _named(source)
    reader = _Reader(ObjectTableBuilder(source.root, NAME, task), ImageFinder(source))
    findings: list[Finding] = []
    for file, names in named:
        check_encoding(file.path)
        reader.finder.expect(file.path, names)
        for document in documents(file.path):
            findings += _File(file, reader).read(document)
    table, merged = reader.shared.without_copies(reader.builder.build())
    table, same_names = reader.categories.told_apart(table)
    findings += [*files.remarks(), *reader.finder.remarks, *reader.names.remarks(source.path), *merged, *same_names]
    if any(coco.kind == KEYPOINTS for coco in files.read):
        message = f"{len(table.labels)} object(s) may have key points beside their boxes; the boxes are used"
        findings.append(Finding.of("object-form", message, source.path, count=len(table.labels)))
    return Reading(table, (*findings, *reader.builder.unused_classes(table, source.path)))


def guess_task(source: DataSource) -> tuple[str, str]:
    """Segmentation where one of the first annotations has a segmentation, else detection."""
    files = CocoFiles.of(source)
    for file, _ in [(coco.file, coco.names) for coco in files.read] or _named(source):
        for document in documents(file.path):
            if _has_masks(document):
                return SEGMENTATION, "annotations with masks"
    return DETECTION, "annotations with boxes"


def _named(source: DataSource) -> list[tuple[AnnotationFile, tuple[str, ...]]]:
    return [] if source.path.is_dir() else [(AnnotationFile(source.root / source.path.name), ())]


def _has_masks(document: Iterable[tuple[str, int, Json]]) -> bool:
    count = 0
    for key, _, value in document:
        if key == "annotations" and isinstance(value, dict):
            if value.get("segmentation"):
                return True
            count += 1
            if count == GUESS_AFTER:
                break
    return False


@dataclass
class _Reader:
    """What all files of a data set share."""

    builder: ObjectTableBuilder
    finder: ImageFinder
    shared: SharedImages = field(default_factory=SharedImages)
    categories: CategoryNames = field(default_factory=CategoryNames)

    def __post_init__(self) -> None:
        self.names = ClassNames(self.builder)


class _File:
    """Reads one file. Images, annotations and categories may come in any order, so ids are numbered as they appear."""

    def __init__(self, file: AnnotationFile, reader: _Reader):
        self._file = file
        self._reader = reader
        self._builder = reader.builder
        self._image_ids: dict[Json, int] = {}
        self._class_ids: dict[Json, int] = {}
        self._images: dict[int, tuple[str, int, int, int]] = {}
        self._classes: dict[int, tuple[str, str]] = {}
        self._count = 0
        self._checkpoint = reader.builder.checkpoint
        self._evidence = BoxEvidence()
        self.findings: list[Finding] = []

    def read(self, document: Iterable[tuple[str, int, Json]]) -> list[Finding]:
        """Add the members of a document to the builder, and return the findings about them."""
        add = {"images": self._add_image, "categories": self._add_class, "annotations": self._add_annotation}
        index = self._builder.add_file(self._file.path)
        for key, line, value in document:
            if key in add:
                try:
                    if type(value) is not dict:
                        raise FindingError(_not_an_object(value))
                    add[key](value, line)
                except FindingError as error:
                    self._note(error.finding, line)
        rows, borrowed = self._rows(index)
        orphans, unknown = self._builder.remap_ids(self._checkpoint, rows, self._labels())
        self._builder.forget_lines(self._checkpoint, borrowed)
        self._remark_ids(orphans.tolist(), unknown.tolist())
        self.findings += self._evidence.findings(self._file.path)
        return self.findings

    def _note(self, finding: Finding, line: int, subject: str = "") -> None:
        message = f"{subject}: {finding.message}" if subject else finding.message
        self.findings.append(replace(finding, reason=message, file=str(self._file.path), line=line))

    def _add_image(self, record: dict[str, Json], line: int) -> None:
        name = record.get("file_name") or record.get("coco_url")
        if type(name) is not str:
            raise FindingError(Finding.of("field-missing", f"the image {record!r:.60} has no 'file_name'"))
        number = self._number(self._image_ids, record.get("id"), "image")
        if number in self._images:
            message = f"image id {record['id']} is given to '{name}' and to '{self._images[number][0]}'"
            raise FindingError(Finding.of("id-repeated", message))
        self._images[number] = (
            path_of_url(name),
            parse_pixels(record.get("width")),
            parse_pixels(record.get("height")),
            line,
        )

    def _add_class(self, record: dict[str, Json], _: int) -> None:
        number = self._number(self._class_ids, record.get("id"), "category")
        if number in self._classes:
            raise FindingError(Finding.of("id-repeated", f"category id {record['id']} is given twice"))
        # What a class may be called is checked here, where the line is known.
        self._reader.names.check(record.get("name"))
        above = record.get("supercategory")
        self._classes[number] = str(record["name"]), above.strip() if type(above) is str else ""

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
        area = float(area) if isinstance(area, int | float) and 0 <= area < MAX_AREA else UNKNOWN
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
        rings, faults = parse_rings(plain_rings(value))
        for finding in faults:
            self._note(finding, line, f"annotation {name}")
        if not rings:
            raise FindingError(Finding.of("mask-missing", "none of its polygons can be used"))
        return Shape(rings)

    def _rows(self, file: int) -> tuple[np.ndarray[Any, np.dtype[np.int64]], list[int]]:
        """[ids] the row of each image id, -1 where no image has it or its path is refused; and rows of other files."""
        rows = np.full(len(self._image_ids) + 1, -1, dtype=np.int64)
        borrowed = []
        shared, split = self._reader.shared, self._file.split
        for number, (name, width, height, line) in self._images.items():
            try:
                image = self._reader.finder.find(name, self._file.path)
            except FindingError as error:
                self._note(error.finding, line)
                continue
            row = shared.row(image, split, file)
            if row is None:
                row = self._builder.add_image(image, split, file=file, line=line, size=(width, height))
                shared.add(image, split, file, row=row)
            else:
                borrowed.append(row)
            rows[number] = row
        return rows, borrowed

    def _labels(self) -> np.ndarray[Any, np.dtype[np.int64]]:
        labels = np.full(len(self._class_ids) + 1, -1, dtype=np.int64)
        ids = {number: key for key, number in self._class_ids.items()}
        listed = [(ids[number], class_name(name), above) for number, (name, above) in self._classes.items()]
        for number, name in zip(self._classes, self._reader.categories.classes(listed), strict=True):
            labels[number] = self._builder.class_id(name)
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
