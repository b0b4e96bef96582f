"""CSV with a column of images, and labels in one column, in a row each, or in one 0/1 column a class."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice

from vistry.data.findings import Finding, FindingError
from vistry.data.readers.annotation_choice import candidate, choose
from vistry.data.readers.box_columns import BOX_ROLES, find_boxes
from vistry.data.readers.csv_columns import MINUS, NO, YES, Columns, Untold, find_columns
from vistry.data.readers.delimited import SUFFIXES, Row, rows_of
from vistry.data.readers.label_cells import cell_reader, is_list, labels_of_list, separator_of
from vistry.data.readers.label_rows import LabelledImage, are_often_several, has_a_label_a_row, merge_label_rows
from vistry.data.readers.labels import (
    MULTICLASS,
    MULTILABEL,
    ClassNames,
    label_reader,
    needs_whole_images,
)
from vistry.data.readers.reader import Evidence, Reading
from vistry.data.readers.sheets import SAMPLE, Sheet, is_named, sheets, split_of_cell
from vistry.data.readers.split_words import split_of_folders, words_of
from vistry.data.readers.table_builder import TableBuilder
from vistry.data.readers.tool_addresses import ImageNames
from vistry.data.source import DataSource
from vistry.data.table import UNASSIGNED

NAME = "csv"
FATAL = ("task-mismatch",)
# A word in the names of files that show what a submission to a competition looks like; their labels are made up.
EXAMPLE = "submission"

CellReader = Callable[[list[str]], str | list[str]]


@dataclass(frozen=True)
class LabelTable:
    """A table of labels and its columns."""

    sheet: Sheet
    columns: Columns


@dataclass(frozen=True)
class Survey:
    """The tables of a data set: those of labels, those of images whose labels can't be told, and those without."""

    labelled: tuple[LabelTable, ...]
    untold: tuple[tuple[Sheet, Untold], ...]
    unlabelled: tuple[Sheet, ...]
    others: tuple[Sheet, ...]


def judge(source: DataSource) -> Evidence | None:
    """Tables with a column of images and of labels; a file that the user names is one, and reading says what it lacks.

    Boxes are another format's, and tables that are about no image are nobody's.
    """
    if BOX_ROLES.intersection(dict(source.options.columns)):
        return None
    is_file = source.path.is_file()
    if is_file and not is_named(source, SUFFIXES):
        return None
    survey = _survey(source, ImageNames(source))
    if is_file:
        if not any((survey.labelled, survey.untold, survey.unlabelled, survey.others)):
            return None
        present = sum(table.sheet.present for table in survey.labelled)
        named = sum(table.sheet.named for table in survey.labelled)
        return Evidence("a CSV file", named=named if present else 0, present=present)
    if survey.labelled:
        paths = ", ".join(source.relative(table.sheet.path) for table in survey.labelled[:3])
        named = sum(table.sheet.named for table in survey.labelled)
        present = sum(table.sheet.present for table in survey.labelled)
        return Evidence(f"labels in {paths}", named=named, present=present)
    for sheet, untold in survey.untold:
        if sheet.present:
            summary = f"images in {source.relative(sheet.path)}"
            return Evidence(summary, against=untold.finding.reason, remedy=untold.finding.remedy)
    return _unreadable(source)


def _unreadable(source: DataSource) -> Evidence | None:
    """Evidence against the first table that isn't text in UTF-8, which may be what describes the data."""
    for file in source.files(SUFFIXES):
        try:
            for _ in islice(rows_of(file), SAMPLE):
                pass
        except FindingError as error:
            return Evidence(source.relative(file), against=f"it is {error.finding.reason}", remedy=error.finding.remedy)
    return None


def read(source: DataSource, task: str) -> Reading:
    """Every row of the files; a bad row is a finding and costs that row only."""
    needs_whole_images(task, source.path)
    reader = _Reader(source, task)
    tables, findings = _chosen(source)
    for table in tables:
        findings += reader.read_file(table)
    findings += reader.names.remarks + reader.classes.remarks(source.path)
    return Reading(reader.builder.build(), tuple(findings))


def guess_task(source: DataSource) -> tuple[str, str]:
    """Multi-label where a cell holds several labels, a row not exactly one 1, or many images have several rows."""
    for table in _chosen(source)[0]:
        columns = table.columns
        whole = [row for _, row in table.sheet.rows() if len(row) == len(columns.header)]
        if columns.one_hot:
            if any(sum(_is_one(row[at]) for at in columns.labels) != 1 for row in whole):
                return MULTILABEL, "several labels, or none, for some image"
            continue
        cells = [row[columns.labels[0]] for row in whole]
        if separator_of(cells, is_plural=columns.is_plural) or any(_is_several(cell) for cell in cells):
            return MULTILABEL, "several labels, or none, for some image"
        if are_often_several((row[columns.image], row[columns.labels[0]]) for row in whole):
            return MULTILABEL, "rows with other labels for many an image"
    return MULTICLASS, "one label an image"


def _is_several(cell: str) -> bool:
    """Whether a cell is empty, or a list of other than one."""
    try:
        return not cell or (is_list(cell) and len(labels_of_list(cell)) != 1)
    except FindingError:
        return False


def _survey(source: DataSource, names: ImageNames) -> Survey:
    labelled, untold, unlabelled, others = [], [], [], []
    for sheet in sheets(source, names):
        if find_boxes(sheet, source) is not None:
            continue
        columns = find_columns(sheet, source) if sheet.width else None
        if isinstance(columns, Columns) and not (source.path.is_dir() and EXAMPLE in words_of(sheet.path.stem)):
            labelled.append(LabelTable(sheet, columns))
        elif sheet.image is None:
            others.append(sheet)
        elif isinstance(columns, Untold) and columns.free:
            untold.append((sheet, columns))
        else:
            unlabelled.append(sheet)
    return Survey(tuple(labelled), tuple(untold), unlabelled=tuple(unlabelled), others=tuple(others))


def _chosen(source: DataSource) -> tuple[list[LabelTable], list[Finding]]:
    """The tables to read, and what is said of the others. Raises FindingError where there is none that can be read."""
    names = ImageNames(source)
    survey = _survey(source, names)
    if not survey.labelled:
        return [], _nothing(source, survey)
    candidates = [
        candidate(table.sheet.file, filter(None, table.sheet.cells(table.columns.image)), names)
        for table in survey.labelled
        if table.sheet.present or not any(other.sheet.present for other in survey.labelled)
    ]
    files, findings = choose(candidates, source)
    for table in survey.labelled:
        if all(table.sheet.file != one.file for one in candidates):
            message = "left out, because none of the images that it names is there"
            findings.append(Finding.of("table-ignored", message, table.sheet.path))
    for sheet, untold in survey.untold:
        findings.append(Finding.of("table-ignored", f"left out: {untold.finding.reason}", sheet.path))
    findings += [
        Finding.of("table-ignored", "left out, because it has no labels", one.path) for one in survey.unlabelled
    ]
    return [table for table in survey.labelled if table.sheet.file in files], findings


def _nothing(source: DataSource, survey: Survey) -> list[Finding]:
    """Raise FindingError that says why no table can be read; an empty file is an empty data set."""
    if survey.untold:
        raise FindingError(survey.untold[0][1].finding)
    for sheet in (*survey.unlabelled, *survey.others):
        columns = find_columns(sheet, source) if sheet.width else None
        if isinstance(columns, Untold):
            raise FindingError(columns.finding)
    boxes = [sheet for sheet in sheets(source, ImageNames(source)) if find_boxes(sheet, source) is not None]
    if boxes:
        message = f"the columns of {source.relative(boxes[0].path)} are boxes"
        raise FindingError(Finding.of("task-mismatch", message, boxes[0].path).advising("use --format csv_boxes"))
    return []


class _Reader:
    """Adds the rows of tables to a builder."""

    def __init__(self, source: DataSource, task: str):
        self.builder = TableBuilder(source.root, NAME)
        self.classes = ClassNames(self.builder)
        self.names = ImageNames(source)
        self._source = source
        self._task = task
        self._label = label_reader(task, self.classes)

    def read_file(self, table: LabelTable) -> list[Finding]:
        """Add a table's rows; return what is wrong with some of them, and how its columns were taken."""
        columns, path = table.columns, table.sheet.path
        rows = list(table.sheet.rows())
        self.names.expect(path, (row[columns.image] for _, row in rows if columns.image < len(row)))
        rows, remarks = _affirmed(rows, table)
        cells, findings = _cell_reader(table, rows, self._task)
        findings += remarks
        images: list[LabelledImage] = []
        for line, row in rows:
            try:
                name, split = _image_and_split(row, columns, table.sheet.file.split)
                image = self.names.find(name, path)
                images.append((image, self._label(cells(row)), self._split(image, split, columns), line))
            except FindingError as error:
                finding = replace(error.finding, file=str(path), line=line)
                if finding.check in FATAL:
                    raise FindingError(finding) from error
                findings.append(finding)
        if self._task == MULTILABEL and not columns.one_hot and has_a_label_a_row(images):
            images, repeats = merge_label_rows(images, path)
            findings += repeats
        index = self.builder.add_file(path)
        for image, labels, split, line in images:
            self.builder.add(image, labels, split, file=index, line=line)
        return findings

    def _split(self, image: str, split: int, columns: Columns) -> int:
        """The split of the row, else the one that a folder of the image stands for where no column says it."""
        root = f"{self._source.root}/"
        if split != UNASSIGNED or columns.split is not None or not image.startswith(root):
            return split
        return split_of_folders(image.removeprefix(root).split("/")[:-1])


def _affirmed(rows: list[Row], table: LabelTable) -> tuple[list[Row], list[Finding]]:
    """The rows but for those that say that a class isn't in an image, as Open Images' human labels do."""
    at = table.columns.confidence
    if at is None:
        return rows, []
    rest = [(line, row) for line, row in rows if at >= len(row) or row[at] not in NO]
    if len(rest) == len(rows):
        return rows, []
    message = f"{len(rows) - len(rest)} row(s) say with a confidence of 0 that a class isn't in the image"
    finding = Finding.of("column-flags", message, table.sheet.path, count=len(rows) - len(rest))
    return rest, [finding]


def _is_one(cell: str) -> bool:
    return cell.lower() in YES


def _cell_reader(table: LabelTable, rows: Sequence[Row], task: str) -> tuple[CellReader, list[Finding]]:
    """The function from a row's cells to its label, text or a list of texts, and what is said of the columns."""
    columns, path = table.columns, table.sheet.path
    findings = []
    if columns.remarks:
        listed = ", ".join(columns.remarks[:5])
        message = f"columns of 0 and 1 that are taken for remarks and not for classes: {listed}"
        findings.append(Finding.of("column-flags", message, path, count=len(columns.remarks)))
    if columns.one_hot:
        return lambda row: _one_hot(row, columns, task), findings
    at = columns.labels[0]
    if task == MULTICLASS:
        return lambda row: _single(row[at]), findings
    cells = [row[at] for _, row in rows if at < len(row)]
    separator = separator_of(cells, is_plural=columns.is_plural)
    if not separator and any("," in cell and not is_list(cell) for cell in cells):
        separator = ","
    findings += _separator_remarks(cells, separator, path)
    labels = cell_reader(separator)
    return lambda row: labels(row[at]), findings


def _separator_remarks(cells: Sequence[str], separator: str, path: object) -> Iterator[Finding]:
    spaced = [cell for cell in cells if " " in cell and not is_list(cell)]
    if separator == " ":
        message = f"spaces separate the labels in {len(spaced)} cell(s), such as '{spaced[0]}'"
        yield Finding.of("label-separator", message, path, count=len(spaced))
    elif not separator and spaced:
        message = f"{len(spaced)} label(s) with spaces, such as '{spaced[0]}', are one name each"
        yield Finding.of("label-separator", message, path, count=len(spaced))


def _single(cell: str) -> str:
    names = labels_of_list(cell) if is_list(cell) else cell.split("|")
    if len(names) != 1:
        message = f"'{cell}' looks like several labels, but {MULTICLASS} takes one for each image"
        remedy = "use --task multilabel, or write one label without '|'"
        raise FindingError(Finding.of("task-mismatch", message).advising(remedy))
    return names[0]


def _one_hot(row: list[str], columns: Columns, task: str) -> str | list[str]:
    for at in columns.labels:
        if row[at].lower() not in YES | NO | MINUS:
            message = f"the column '{columns.header[at]}' of a class has '{row[at]}', which is neither 0 nor 1"
            raise FindingError(Finding.of("label-invalid", message))
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
    return row[columns.image], split_of_cell(row[columns.split])
