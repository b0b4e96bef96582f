"""CSV with a column of images, and labels in one column, in a row each, or in one 0/1 column a class."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path

from vistry.data.findings import Finding, FindingError
from vistry.data.readers.annotation_files import AnnotationFile, annotation_files, has_annotation_files, split_of_word
from vistry.data.readers.csv_columns import Columns, Row, box_columns, find_columns
from vistry.data.readers.label_rows import LabelledImage, are_often_several, has_a_label_a_row, merge_label_rows
from vistry.data.readers.labels import (
    AS_OBJECTS,
    MULTICLASS,
    MULTILABEL,
    WHOLE_IMAGES,
    ClassNames,
    label_reader,
    needs_whole_images,
)
from vistry.data.readers.locations import Locator
from vistry.data.readers.reader import Evidence, Reading
from vistry.data.readers.table_builder import TableBuilder
from vistry.data.source import DataSource
from vistry.data.table import UNASSIGNED

NAME = "csv"
SUFFIXES = (".csv", ".tsv")
FATAL = ("task-mismatch",)

CellReader = Callable[[list[str]], str | list[str]]


def judge(source: DataSource) -> Evidence | None:
    """What speaks for this format."""
    return Evidence("CSV files") if _fits(source.path) else None


def _fits(path: Path) -> bool:
    """Whether the path is, or holds, a CSV file."""
    return has_annotation_files(path, SUFFIXES)


def read(source: DataSource, task: str) -> Reading:
    """Every row of the files; a bad row is a finding and costs that row only."""
    path = source.path
    needs_whole_images(task, path)
    root = (path if path.is_dir() else path.parent).resolve()
    builder = TableBuilder(root, NAME)
    names = ClassNames(builder)
    locator = Locator(root)
    findings: list[Finding] = []
    for file in annotation_files(path, SUFFIXES):
        findings += _read_file(file, builder, names=names, locator=locator, task=task)
    findings += locator.remarks + names.remarks(path)
    return Reading(builder.build(), tuple(findings))


def guess_task(source: DataSource) -> tuple[str, str]:
    """Multi-label where a cell holds several labels, a row not exactly one 1, or many images have several rows.

    Raises FindingError for columns of boxes, which this format doesn't read.
    """
    path = source.path
    for file in annotation_files(path, SUFFIXES):
        if rows := _rows(file.path):
            columns, rows = find_columns(rows, file.path)
            if boxes := box_columns(columns.header):
                message = f"the columns {', '.join(boxes)} look like boxes, which are not read from CSV"
                remedy = f"{AS_OBJECTS}, or {WHOLE_IMAGES} for what is in each image"
                raise FindingError(Finding.of("task-mismatch", message, file.path, line=1).advising(remedy))
            whole = [row for _, row in rows if len(row) == len(columns.header)]
            if any(_is_multilabel(row, columns) for row in whole):
                return MULTILABEL, "several labels, or none, for some image"
            if not columns.one_hot and are_often_several((row[columns.image], row[columns.labels[0]]) for row in whole):
                return MULTILABEL, "rows with other labels for many an image"
    return MULTICLASS, "one label an image"


def _is_multilabel(row: list[str], columns: Columns) -> bool:
    if columns.one_hot:
        return sum(_is_one(row[at]) for at in columns.labels) != 1
    return "|" in row[columns.labels[0]] or not row[columns.labels[0]]


def _read_file(
    file: AnnotationFile, builder: TableBuilder, names: ClassNames, locator: Locator, task: str
) -> list[Finding]:
    rows = _rows(file.path)
    if not rows:
        return []
    columns, rows = find_columns(rows, file.path)
    cells = _cell_reader(columns, rows, task)
    read_label = label_reader(task, names)
    index = builder.add_file(file.path)
    findings = []
    images: list[LabelledImage] = []
    for line, row in rows:
        try:
            image, split = _image_and_split(row, columns, file.split)
            images.append((locator.locate(image), read_label(cells(row)), split, line))
        except FindingError as error:
            finding = replace(error.finding, file=str(file.path), line=line)
            if finding.check in FATAL:
                raise FindingError(finding) from error
            findings.append(finding)
    if task == MULTILABEL and not columns.one_hot and has_a_label_a_row(images):
        images, repeats = merge_label_rows(images, file.path)
        findings += repeats
    for path, labels, split, line in images:
        builder.add(path, labels, split, index, line)
    return findings


def _rows(path: Path) -> list[Row]:
    """(line, cells) of every row that isn't blank."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            delimiter = _delimiter(list(islice(stream, 50)))
            stream.seek(0)
            reader = csv.reader(stream, delimiter=delimiter)
            return [(reader.line_num, [cell.strip() for cell in row]) for row in reader if any(row)]
    except UnicodeDecodeError as error:
        message = f"not UTF-8 (byte {error.start + 1} of a block)"
        raise FindingError(Finding.of("line-invalid", message, path).advising("save it as CSV UTF-8")) from error
    except csv.Error as error:
        raise FindingError(Finding.of("line-invalid", f"not CSV: {error}", path)) from error


def _delimiter(sample: Sequence[str]) -> str:
    """Of comma, semicolon and tab the one that cuts the sample into the most even rows, then the widest."""
    return max(",;\t", key=lambda delimiter: _evenness(sample, delimiter))


def _evenness(sample: Sequence[str], delimiter: str) -> tuple[bool, int]:
    widths = [len(row) for row in csv.reader(sample, delimiter=delimiter) if row]
    return (len(set(widths)) == 1 and widths[0] > 1, widths[0] if widths else 0)


def _is_one(cell: str) -> bool:
    return cell in ("1", "1.0")


def _cell_reader(columns: Columns, rows: Sequence[Row], task: str) -> CellReader:
    """The function from a row's cells to its label: text, or a list of texts."""
    if columns.one_hot:
        return lambda row: _one_hot(row, columns, task)
    at = columns.labels[0]
    if task == MULTICLASS:
        return lambda row: _single(row[at])
    separator = "|" if any("|" in row[at] for _, row in rows if at < len(row)) else ","
    return lambda row: [name for part in row[at].split(separator) if (name := part.strip())]


def _single(cell: str) -> str:
    if "|" in cell:
        message = f"'{cell}' looks like several labels, but {MULTICLASS} takes one for each image"
        remedy = "use --task multilabel, or write one label without '|'"
        raise FindingError(Finding.of("task-mismatch", message).advising(remedy))
    return cell


def _one_hot(row: list[str], columns: Columns, task: str) -> str | list[str]:
    names = [columns.header[at] for at in columns.labels if _is_one(row[at])]
    if task != MULTICLASS:
        return names
    if len(names) != 1:
        message = f"{len(names)} columns are 1, but {MULTICLASS} takes one label for each image"
        raise FindingError(Finding.of("task-mismatch", message).advising("use --task multilabel, or mark one class"))
    return names[0]


def _image_and_split(row: list[str], columns: Columns, file_split: int) -> tuple[str, int]:
    if len(row) != len(columns.header):
        message = f"{len(row)} cells where the first line has {len(columns.header)} columns"
        raise FindingError(Finding.of("line-invalid", message))
    if not row[columns.image]:
        raise FindingError(Finding.of("field-missing", "the image cell is empty"))
    if columns.split is None or not row[columns.split]:
        return row[columns.image], file_split
    split = split_of_word(row[columns.split])
    if split == UNASSIGNED:
        message = f"'{row[columns.split]}' is not a split; use train, validation or test"
        raise FindingError(Finding.of("split-unknown", message))
    return row[columns.image], split
