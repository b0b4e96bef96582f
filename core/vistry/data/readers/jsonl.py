"""JSON Lines in the hosted product's format: `{"image_url": "a.jpg", "label": "cat"}` a line, or objects for it."""

from __future__ import annotations

import codecs
import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from itertools import islice
from pathlib import Path

from vistry.data.findings import Finding, FindingError
from vistry.data.readers.annotation_files import AnnotationFile, annotation_files, has_annotation_files
from vistry.data.readers.json_text import DECODER, Repeated, check_encoding, repeated
from vistry.data.readers.json_values import Json
from vistry.data.readers.jsonl_objects import add_row
from vistry.data.readers.labels import (
    MULTICLASS,
    OBJECT_TASKS,
    ClassNames,
    label_reader,
    task_of_label,
)
from vistry.data.readers.locations import Locator
from vistry.data.readers.object_builder import ObjectTableBuilder
from vistry.data.readers.reader import Evidence, Reading
from vistry.data.readers.table_builder import TableBuilder
from vistry.data.source import DataSource

NAME = "jsonl"
SUFFIXES = (".jsonl", ".ndjson")
FATAL = ("task-mismatch", "label-types-mixed")

Place = tuple[int, int, int]  # the split, the index of the file, and the line
AddRow = Callable[[dict[str, Json], Place], list[Finding]]


def judge(source: DataSource) -> Evidence | None:
    """What speaks for this format."""
    return Evidence("JSON Lines") if _fits(source.path) else None


def _fits(path: Path) -> bool:
    """Whether the path is, or holds, a JSON Lines file."""
    return has_annotation_files(path, SUFFIXES)


def read(source: DataSource, task: str) -> Reading:
    """Every row of the files; a bad line is a finding and costs that line only, a bad object that object."""
    path = source.path
    root = (path if path.is_dir() else path.parent).resolve()
    locator = Locator(root)
    builder: TableBuilder
    if task in OBJECT_TASKS:
        builder = with_objects = ObjectTableBuilder(root, NAME, task, normalised=True, even_odd=True)
        names = ClassNames(builder)
        add = _objects_adder(with_objects, names, locator)
    else:
        builder = TableBuilder(root, NAME)
        names = ClassNames(builder)
        add = _label_adder(builder, names, locator, task=task)
    findings: list[Finding] = []
    for file in annotation_files(path, SUFFIXES):
        findings += _read_file(file, builder.add_file(file.path), add)
    findings += locator.remarks + names.remarks(path)
    return Reading(builder.build(), tuple(findings))


def guess_task(source: DataSource) -> tuple[str, str]:
    """The task that the first label tells of; an empty list tells little, so the search goes on."""
    path = source.path
    guess = MULTICLASS, "no label could be read"
    for file in annotation_files(path, SUFFIXES):
        with file.path.open("rb") as stream:
            for line in islice(stream, 100):
                with suppress(FindingError):
                    label = _parse(line.removeprefix(codecs.BOM_UTF8))["label"]
                    guess = task_of_label(label)
                    if label != []:
                        return guess
    return guess


def _label_adder(builder: TableBuilder, names: ClassNames, locator: Locator, task: str) -> AddRow:
    read_label = label_reader(task, names)

    def add(record: dict[str, Json], place: Place) -> list[Finding]:
        image = locator.locate(record["image_url"])
        builder.add(image, read_label(record["label"]), *place)
        return []

    return add


def _objects_adder(builder: ObjectTableBuilder, names: ClassNames, locator: Locator) -> AddRow:
    def add(record: dict[str, Json], place: Place) -> list[Finding]:
        image = locator.locate(record["image_url"])
        return add_row(builder, names, image=image, record=record, place=place)

    return add


def _read_file(file: AnnotationFile, index: int, add: AddRow) -> list[Finding]:
    findings = []
    check_encoding(file.path)
    with file.path.open("rb") as stream:
        for number, line in enumerate(stream, start=1):
            if number == 1:
                line = line.removeprefix(codecs.BOM_UTF8)
            if line.isspace() or not line:
                continue
            try:
                faults = add(_parse(line), (file.split, index, number))
            except FindingError as error:
                finding = replace(error.finding, file=str(file.path), line=number)
                if finding.check in FATAL:
                    raise FindingError(finding) from error
                findings.append(finding)
            else:
                findings += [replace(finding, file=str(file.path), line=number) for finding in faults]
    return findings


def _parse(line: bytes) -> dict[str, Json]:
    try:
        record = DECODER.decode(line.decode())
    except (ValueError, RecursionError) as error:
        raise FindingError(_not_json(line, error)) from error
    if isinstance(record, Repeated):
        raise FindingError(repeated("the line"))
    if type(record) is not dict:
        raise FindingError(Finding.of("line-invalid", f"expected a JSON object on each line, got {record!r:.40}"))
    if type(record.get("image_url")) is not str or "label" not in record:
        raise FindingError(_missing_field(record))
    return record


def _not_json(line: bytes, error: Exception) -> Finding:
    if isinstance(error, json.JSONDecodeError):
        return Finding.of("line-invalid", f"not JSON: {error.msg} at column {error.colno}")
    if isinstance(error, UnicodeDecodeError):
        return Finding.of("line-invalid", f"not UTF-8 at byte {error.start + 1} of the line")
    return Finding.of("line-invalid", f"not JSON: {type(error).__name__} in {len(line)} bytes")


def _missing_field(record: dict[str, Json]) -> Finding:
    if "image_url" not in record:
        close = ", ".join(sorted(record)[:8])
        return Finding.of("field-missing", f"no 'image_url' among the fields ({close})")
    if "label" not in record:
        return Finding.of("field-missing", "no 'label' field")
    return Finding.of("field-missing", f"'image_url' is not text but {record['image_url']!r:.40}")
