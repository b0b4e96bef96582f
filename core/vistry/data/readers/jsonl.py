"""JSON Lines in the hosted product's format: `{"image_url": "a.jpg", "label": "cat"}` a line, or objects for it.

Also the `metadata.jsonl` of image folders, and lines with other names of fields.
"""

from __future__ import annotations

import codecs
import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from vistry.data.findings import Finding, FindingError
from vistry.data.object_labels import labels_of_objects
from vistry.data.readers.addresses import REMEDY, check_here, is_address
from vistry.data.readers.annotation_choice import candidate, choose
from vistry.data.readers.annotation_files import AnnotationFile
from vistry.data.readers.json_text import DECODER, Repeated, check_encoding, repeated
from vistry.data.readers.jsonl_fields import HOSTED, IMAGE_FIELDS, Fields, Record, find_fields, has_pixels
from vistry.data.readers.jsonl_objects import add_row
from vistry.data.readers.labels import (
    DETECTION,
    MULTICLASS,
    OBJECT_TASKS,
    SEGMENTATION,
    ClassNames,
    label_reader,
    task_of_label,
)
from vistry.data.readers.metadata_objects import add_objects
from vistry.data.readers.mltable import FILE, json_lines_files
from vistry.data.readers.object_builder import ObjectTableBuilder
from vistry.data.readers.reader import Evidence, Reading
from vistry.data.readers.sheets import SAMPLE, split_of_cell
from vistry.data.readers.split_words import split_of_folders
from vistry.data.readers.table_builder import TableBuilder
from vistry.data.readers.tool_addresses import ImageNames
from vistry.data.source import DataSource
from vistry.data.table import UNASSIGNED

NAME = "jsonl"
SUFFIXES = (".jsonl", ".ndjson")
FATAL = ("task-mismatch", "label-types-mixed")

# The absolute path of an image that a file names.
Locate = Callable[[str, Path], str]


@dataclass(frozen=True)
class Lines:
    """A file of records, the fields that they have, and the images that a sample of them names."""

    file: AnnotationFile
    fields: Fields
    images: tuple[str, ...] = ()
    named: int = 0
    present: int = 0


def judge(source: DataSource) -> Evidence | None:
    """Files whose records name images and have labels; a file that the user names is one."""
    if source.path.is_file():
        is_ours = source.path.suffix.lower() in SUFFIXES or source.path.name == FILE
        return Evidence("JSON Lines") if is_ours else None
    lines, _ = _files(source, ImageNames(source))
    if not lines:
        return None
    paths = ", ".join(source.relative(one.file.path) for one in lines[:3])
    named, present = sum(one.named for one in lines), sum(one.present for one in lines)
    remote = next((name for one in lines for name in one.images if is_address(name)), None)
    if remote is None or present:
        return Evidence(f"JSON Lines in {paths}", named=named, present=present)
    against = f"it names images by addresses such as '{remote}', and none of their names is here"
    return Evidence(f"JSON Lines in {paths}", named=named, against=against, remedy=REMEDY)


def read(source: DataSource, task: str) -> Reading:
    """Every row of the files; a bad line is a finding and costs that line only, a bad object that object.

    Where labels are objects, a task that classifies takes its labels from them.
    """
    names = ImageNames(source)
    lines, findings = _chosen(source)
    if task not in OBJECT_TASKS and any(_holds_objects(one) for one in lines):
        return labels_of_objects(read(source, DETECTION), task)
    reader = _Reader(source.root, task, lines, locate=names.find)
    for one in lines:
        names.expect(one.file.path, one.images)
        findings += reader.read_file(one)
    findings += names.remarks + reader.classes.remarks(source.path)
    return Reading(reader.builder.build(), tuple(findings))


def read_exact(path: Path, task: str) -> Reading:
    """The rows of a file that Vistry wrote itself: its paths are absolute and exact."""
    lines = Lines(AnnotationFile(path), HOSTED)
    reader = _Reader(path.parent.resolve(), task, [lines], locate=lambda name, _: name)
    findings = reader.read_file(lines)
    return Reading(reader.builder.build(), tuple(findings))


def guess_task(source: DataSource) -> tuple[str, str]:
    """The task that the first label tells of; an empty list tells little, so the search goes on."""
    guess = MULTICLASS, "no label could be read"
    for one in _chosen(source)[0]:
        for record in _sample(one.file.path):
            if one.fields.label in record:
                label = record[one.fields.label]
                guess = (DETECTION, "objects with boxes") if has_pixels(label) else task_of_label(label)
                if label != []:
                    return guess
    return guess


def _files(source: DataSource, names: ImageNames) -> tuple[list[Lines], list[Path]]:
    """The files whose records are about images and have labels, and those about images that have none."""
    lines, unlabelled = [], []
    for file in json_lines_files(source, SUFFIXES):
        sample = _sample(file.path)
        fields = find_fields(sample, source)
        if fields is None and source.path.is_dir() and not _is_utf16(file.path):
            if any(name in record for record in sample for name in IMAGE_FIELDS):
                unlabelled.append(file.path)
            continue
        fields = fields or HOSTED
        images = tuple(name for record in sample if isinstance(name := record.get(fields.image), str))
        named, present = names.expect(file.path, images)
        lines.append(Lines(file, fields, images, named=named, present=present))
    return lines, unlabelled


def _chosen(source: DataSource) -> tuple[list[Lines], list[Finding]]:
    """The files to read, and what is said of others."""
    names = ImageNames(source)
    lines, unlabelled = _files(source, names)
    here = [one for one in lines if one.present] or lines
    files, findings = choose([candidate(one.file, one.images, names) for one in here], source)
    for one in lines:
        if one not in here:
            message = "left out, because none of the images that it names is there"
            findings.append(Finding.of("table-ignored", message, one.file.path))
    findings += [Finding.of("table-ignored", "left out, because it has no labels", path) for path in unlabelled]
    return [one for one in here if one.file in files], findings


def _holds_objects(lines: Lines) -> bool:
    """Whether the first label that says something is objects."""
    labels = (record.get(lines.fields.label) for record in _sample(lines.file.path))
    first = next((label for label in labels if label not in (None, [])), None)
    return has_pixels(first) or (isinstance(first, list) and isinstance(first[0], dict))


def _is_utf16(path: Path) -> bool:
    """Whether none of a file can be read because of its encoding; reading it says so."""
    try:
        check_encoding(path)
    except FindingError:
        return True
    return False


def _sample(path: Path) -> list[Record]:
    """The records of the first lines of a file, those that can be read."""
    records = []
    with path.open("rb") as stream:
        for line in islice(stream, SAMPLE):
            with suppress(FindingError):
                records.append(_parse(line.removeprefix(codecs.BOM_UTF8)))
    return records


class _Reader:
    """Adds the records of files to a builder for a task."""

    builder: TableBuilder

    def __init__(self, root: Path, task: str, lines: Sequence[Lines], locate: Locate):
        self._root = f"{root}/"
        self._locate = locate
        self._objects: ObjectTableBuilder | None = None
        if task in OBJECT_TASKS:
            with_pixels = _in_pixels(lines, task)
            self._objects = ObjectTableBuilder(root, NAME, task, normalised=not with_pixels, even_odd=True)
        self.builder = TableBuilder(root, NAME) if self._objects is None else self._objects
        self.classes = ClassNames(self.builder)
        self._label = label_reader(task, self.classes) if self._objects is None else self.classes.several

    def read_file(self, lines: Lines) -> list[Finding]:
        """Add a file's records; return what is wrong with some lines or objects."""
        path = lines.file.path
        index = self.builder.add_file(path)
        findings = []
        check_encoding(path)
        with path.open("rb") as stream:
            for number, line in enumerate(stream, start=1):
                if number == 1:
                    line = line.removeprefix(codecs.BOM_UTF8)
                if line.isspace() or not line:
                    continue
                try:
                    faults = self._add(_parse(line), lines, index, line=number)
                except FindingError as error:
                    finding = replace(error.finding, file=str(path), line=number)
                    if finding.check in FATAL:
                        raise FindingError(finding) from error
                    findings.append(finding)
                else:
                    findings += [replace(finding, file=str(path), line=number) for finding in faults]
        return findings

    def _add(self, record: Record, lines: Lines, index: int, line: int) -> list[Finding]:
        fields = lines.fields
        fields.check(record)
        image = self._locate(record[fields.image], lines.file.path)
        check_here(record[fields.image], image)
        split = self._split(image, record, lines)
        if self._objects is None:
            self.builder.add(image, self._label(record[fields.label]), split, file=index, line=line)
            return []
        if fields.has_pixels:
            row = self._objects.add_image(image, split, file=index, line=line)
            return add_objects(self._objects, self.classes, row=row, objects=record[fields.label])
        with_label = record if fields.label == HOSTED.label else {**record, HOSTED.label: record[fields.label]}
        return add_row(self._objects, self.classes, image=image, record=with_label, place=(split, index, line))

    def _split(self, image: str, record: Record, lines: Lines) -> int:
        """The split of the record's own field, else of its file, else of the folders of its image."""
        word = record.get(lines.fields.split) if lines.fields.split else None
        split = split_of_cell(word.strip()) if isinstance(word, str) else UNASSIGNED
        split = lines.file.split if split == UNASSIGNED else split
        if split != UNASSIGNED or not image.startswith(self._root):
            return split
        return split_of_folders(image.removeprefix(self._root).split("/")[:-1])


def _in_pixels(lines: Sequence[Lines], task: str) -> bool:
    """Whether boxes are in pixels. Raises FindingError where files differ, and for masks, which such files lack."""
    kinds = {one.fields.has_pixels for one in lines}
    if len(kinds) > 1:
        message = "some files have boxes in pixels and others fractions of the image"
        raise FindingError(Finding.of("format-ambiguous", message, lines[0].file.path))
    if True in kinds and task == SEGMENTATION:
        message = "the objects have boxes and no masks"
        raise FindingError(Finding.of("task-mismatch", message, lines[0].file.path).advising("use --task detection"))
    return True in kinds


def _parse(line: bytes) -> Record:
    try:
        record = DECODER.decode(line.decode())
    except (ValueError, RecursionError) as error:
        raise FindingError(_not_json(line, error)) from error
    if isinstance(record, Repeated):
        raise FindingError(repeated("the line"))
    if type(record) is not dict:
        raise FindingError(Finding.of("line-invalid", f"expected a JSON object on each line, got {record!r:.40}"))
    return record


def _not_json(line: bytes, error: Exception) -> Finding:
    if isinstance(error, json.JSONDecodeError):
        return Finding.of("line-invalid", f"not JSON: {error.msg} at column {error.colno}")
    if isinstance(error, UnicodeDecodeError):
        return Finding.of("line-invalid", f"not UTF-8 at byte {error.start + 1} of the line")
    return Finding.of("line-invalid", f"not JSON: {type(error).__name__} in {len(line)} bytes")
