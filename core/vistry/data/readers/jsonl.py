"""JSON Lines in the hosted product's format: `{"image_url": "a.jpg", "label": "cat"}` a line."""

from __future__ import annotations

import codecs
import json
from contextlib import suppress
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

from vistry.data.findings import DataSetError, Finding, finding
from vistry.data.readers.annotation_files import AnnotationFile, annotation_files, has_annotation_files
from vistry.data.readers.labels import MULTICLASS, ClassNames, ReadLabel, label_reader, task_of_label
from vistry.data.readers.locations import Locator
from vistry.data.readers.table_builder import TableBuilder
from vistry.data.reading import Reading

NAME = "jsonl"
SUFFIXES = (".jsonl", ".ndjson")
FATAL = ("task-mismatch", "label-types-mixed")


def fits(path: Path) -> bool:
    """Whether the path is, or holds, a JSON Lines file."""
    return has_annotation_files(path, SUFFIXES)


def read(path: Path, task: str) -> Reading:
    """Every row of the files; a bad line is a finding and costs that line only."""
    root = (path if path.is_dir() else path.parent).resolve()
    builder = TableBuilder(root, NAME)
    names = ClassNames(builder)
    locator = Locator(root)
    findings: list[Finding] = []
    for file in annotation_files(path, SUFFIXES):
        findings += _read_file(file, builder, label_reader(task, names), locator)
    findings += locator.remarks + names.remarks(path)
    return Reading(builder.build(), tuple(findings))


def guess_task(path: Path) -> tuple[str, str]:
    """The task that the first readable label belongs to."""
    for file in annotation_files(path, SUFFIXES):
        with file.path.open("rb") as stream:
            for line in islice(stream, 100):
                with suppress(DataSetError):
                    return task_of_label(_parse(line.removeprefix(codecs.BOM_UTF8))["label"])
    return MULTICLASS, "no label could be read"


def _read_file(file: AnnotationFile, builder: TableBuilder, read_label: ReadLabel, locator: Locator) -> list[Finding]:
    findings = []
    index = builder.add_file(file.path)
    with file.path.open("rb") as stream:
        for number, line in enumerate(stream, start=1):
            if number == 1:
                line = line.removeprefix(codecs.BOM_UTF8)
            if line.isspace() or not line:
                continue
            try:
                record = _parse(line)
                image = locator.locate(record["image_url"])
                builder.add(image, read_label(record["label"]), file.split, index, number)
            except DataSetError as error:
                fault = replace(error.finding, file=str(file.path), line=number)
                if fault.check in FATAL:
                    raise DataSetError(fault) from error
                findings.append(fault)
    return findings


def _parse(line: bytes) -> dict[str, Any]:
    try:
        record = json.loads(line.decode())
    except (ValueError, RecursionError) as error:
        raise DataSetError(_not_json(line, error)) from error
    if type(record) is not dict:
        raise DataSetError(finding("line-invalid", f"a line holds one JSON object, this one {record!r:.40}"))
    if type(record.get("image_url")) is not str or "label" not in record:
        raise DataSetError(_missing_field(record))
    return record


def _not_json(line: bytes, error: Exception) -> Finding:
    if isinstance(error, json.JSONDecodeError):
        return finding("line-invalid", f"not JSON: {error.msg} at column {error.colno}")
    if isinstance(error, UnicodeDecodeError):
        return finding("line-invalid", f"not UTF-8 at byte {error.start + 1} of the line")
    return finding("line-invalid", f"not JSON: {type(error).__name__} in {len(line)} bytes")


def _missing_field(record: dict[str, Any]) -> Finding:
    if "image_url" not in record:
        close = ", ".join(sorted(record)[:8])
        return finding("field-missing", f"no 'image_url' among the fields ({close})")
    if "label" not in record:
        return finding("field-missing", "no 'label' field")
    return finding("field-missing", f"'image_url' is not text but {record['image_url']!r:.40}")
