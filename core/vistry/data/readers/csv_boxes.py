"""CSV with a row an object: an image, the corners or the size of a box, and a class, in the columns of many tools."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import isfinite

from vistry.data.findings import Finding, FindingError
from vistry.data.readers.annotation_choice import candidate, choose
from vistry.data.readers.box_columns import NEARLY_ONE, OBJECTS, BoxColumns, find_boxes, free_columns, objects_of
from vistry.data.readers.delimited import SUFFIXES, rows_of
from vistry.data.readers.labels import DETECTION, ClassNames, needs_objects
from vistry.data.readers.metadata_objects import add_objects
from vistry.data.readers.object_builder import ObjectRecord, ObjectTableBuilder
from vistry.data.readers.reader import Evidence, Reading
from vistry.data.readers.shapes import parse_pixels
from vistry.data.readers.sheets import Sheet, is_named, sheets, split_of_cell
from vistry.data.readers.split_words import split_of_folders, words_of
from vistry.data.readers.tool_addresses import ImageNames
from vistry.data.source import DataSource
from vistry.data.table import UNASSIGNED

NAME = "csv_boxes"
# The class of objects in a table that has no column besides those of the image and the box.
ONLY_CLASS = "object"
YES = frozenset(("1", "1.0", "true"))
EXAMPLE = "submission"


@dataclass(frozen=True)
class BoxTable:
    """A table of boxes and its columns."""

    sheet: Sheet
    columns: BoxColumns

    @property
    def untold(self) -> str:
        """Why the class can't be told, or nothing."""
        if self.columns.label is not None:
            return ""
        free = free_columns(self.sheet, self.columns)
        return f"which of its columns {', '.join(free[:20])} is the class can't be told" if free else ""

    @property
    def remedy(self) -> str:
        """What to type where it can't be told."""
        return f"name it, such as --columns label={next(iter(free_columns(self.sheet, self.columns)), 'NAME')}"


def judge(source: DataSource) -> Evidence | None:
    """Tables with columns of boxes."""
    if source.path.is_file() and not is_named(source, SUFFIXES):
        return None
    tables = _tables(source, ImageNames(source))
    if not tables:
        return None
    telling = [table for table in tables if not table.untold]
    paths = ", ".join(source.relative(table.sheet.path) for table in (telling or tables)[:3])
    named = sum(table.sheet.named for table in telling or tables)
    present = sum(table.sheet.present for table in telling or tables)
    if source.path.is_file() and not present:
        named = 0
    against, remedy = ("", "") if telling else (tables[0].untold, tables[0].remedy)
    return Evidence(f"boxes in {paths}", named=named, present=present, against=against, remedy=remedy)


def read(source: DataSource, task: str) -> Reading:
    """Every row of the files; a bad row costs that object only, a row without a box is an image without objects."""
    needs_objects(task, source.path)
    if task != DETECTION:
        message = "this format has boxes and no masks"
        raise FindingError(Finding.of("task-mismatch", message, source.path).advising("use --task detection"))
    tables, findings = _chosen(source)
    are_fractions, remarks = _units(tables)
    findings += remarks
    reader = _Reader(source, are_fractions)
    for table in tables:
        findings += reader.read_file(table)
    findings += reader.names.remarks + reader.classes.remarks(source.path)
    return Reading(reader.builder.build(), tuple(findings))


def guess_task(source: DataSource) -> tuple[str, str]:  # noqa: ARG001 - every reader's signature
    """Detection."""
    return DETECTION, "columns of boxes"


def _tables(source: DataSource, names: ImageNames) -> list[BoxTable]:
    tables = []
    for sheet in sheets(source, names):
        columns = find_boxes(sheet, source)
        if columns is not None and not (source.path.is_dir() and EXAMPLE in words_of(sheet.path.stem)):
            tables.append(BoxTable(sheet, columns))
    return tables


def _chosen(source: DataSource) -> tuple[list[BoxTable], list[Finding]]:
    """The tables to read, and what is said of the others. Raises FindingError where there is none."""
    names = ImageNames(source)
    tables = _tables(source, names)
    telling = [table for table in tables if not table.untold]
    if not telling:
        if not tables:
            message = "no columns of boxes, such as image, xmin, ymin, xmax, ymax, label"
            remedy = "name them, such as --columns xmin=NAME,ymin=NAME,xmax=NAME,ymax=NAME,label=NAME"
            raise FindingError(Finding.of("format-unknown", message, source.path).advising(remedy))
        finding = Finding.of("format-unknown", tables[0].untold, tables[0].sheet.path, line=1)
        raise FindingError(finding.advising(tables[0].remedy))
    here = [table for table in telling if table.sheet.present] or telling
    candidates = [
        candidate(table.sheet.file, filter(None, table.sheet.cells(table.columns.image)), names) for table in here
    ]
    files, findings = choose(candidates, source)
    for table in tables:
        if table not in here:
            reason = table.untold or "none of the images that it names is there"
            findings.append(Finding.of("table-ignored", f"left out: {reason}", table.sheet.path))
    return [table for table in here if table.sheet.file in files], findings


def _units(tables: Sequence[BoxTable]) -> tuple[bool, list[Finding]]:
    """Whether boxes are fractions of the image and not pixels, by all rows; what is said where that is a guess.

    Raises FindingError where one file has fractions and another pixels.
    """
    kinds, findings = {}, []
    for table in tables:
        greatest, has_parts = 0.0, False
        for numbers in _numbers(table):
            greatest = max(greatest, *numbers)
            has_parts = has_parts or any(number % 1 for number in numbers)
        kinds[table.sheet.path] = greatest <= NEARLY_ONE and table.columns.form != OBJECTS
        if greatest <= NEARLY_ONE and not has_parts and greatest:
            message = "every box is written with 0 and 1 alone, which is taken for fractions of the image"
            findings.append(Finding.of("units-guessed", message, table.sheet.path))
    if len(set(kinds.values())) > 1:
        fractions = next(path for path, kind in kinds.items() if kind)
        pixels = next(path for path, kind in kinds.items() if not kind)
        message = f"{fractions.name} has fractions of the image where {pixels.name} has pixels"
        raise FindingError(Finding.of("format-ambiguous", message, fractions).advising("read one of them alone"))
    return any(kinds.values()), findings


def _numbers(table: BoxTable) -> Iterable[list[float]]:
    columns = table.columns
    for _, row in table.sheet.rows():
        if columns.form == OBJECTS:
            return
        try:
            numbers = [float(number) for number in columns.numbers_of(row)] if len(row) > columns.last else []
        except (FindingError, TypeError, ValueError):
            continue
        if numbers and all(map(isfinite, numbers)):
            yield numbers


def _descriptions(source: DataSource) -> Mapping[str, str]:
    """The names of Open Images' classes by their codes, from its table of descriptions."""
    files = source.index.files(SUFFIXES) if source.path.is_dir() else []
    paths = [source.root / file for file in files] or sorted(source.root.glob("*.csv"))
    names: dict[str, str] = {}
    for path in paths:
        if {"class", "descriptions"} <= set(words_of(path.stem)):
            names.update((row[0], row[1]) for _, row in rows_of(path) if len(row) == 2)
    return names


class _Reader:
    """Adds the rows of tables to a builder, the rows of an image to one."""

    def __init__(self, source: DataSource, are_fractions: bool):
        self.builder = ObjectTableBuilder(source.root, NAME, DETECTION, normalised=are_fractions)
        self.classes = ClassNames(self.builder)
        self.names = ImageNames(source)
        self._source = source
        self._descriptions = _descriptions(source)
        self._rows: dict[tuple[str, int], int] = {}
        self._counts: dict[int, int] = {}

    def read_file(self, table: BoxTable) -> list[Finding]:
        """Add a table's rows; return what is wrong with some of them."""
        columns, path = table.columns, table.sheet.path
        self.names.expect(path, filter(None, table.sheet.cells(columns.image)))
        index = self.builder.add_file(path)
        findings = []
        for line, row in table.sheet.rows():
            try:
                at = self._image(row, table, index, line=line)
            except FindingError as error:
                findings.append(replace(error.finding, file=str(path), line=line))
                continue
            try:
                faults = self._add(at, row, columns, line=line)
            except FindingError as error:
                self.builder.drop_object(at)
                faults = [error.finding]
            findings += [replace(fault, file=str(path), line=line) for fault in faults]
        return findings

    def _image(self, row: list[str], table: BoxTable, index: int, line: int) -> int:
        """The row of the builder for an image, which is new where it hasn't been met."""
        columns = table.columns
        if len(row) <= columns.last:
            message = f"{len(row)} cells where column {columns.last + 1} is needed"
            raise FindingError(Finding.of("line-invalid", message))
        if not row[columns.image]:
            raise FindingError(Finding.of("field-missing", "the image cell is empty"))
        image = self.names.find(row[columns.image], table.sheet.path)
        split = self._split(image, row, table)
        at = self._rows.get((image, split))
        if at is None:
            width, height = columns.size or (-1, -1)
            size = (parse_pixels(row[width]), parse_pixels(row[height])) if columns.size else (0, 0)
            at = self.builder.add_image(image, split, index, line=line, size=size)
            self._rows[image, split] = at
        return at

    def _split(self, image: str, row: list[str], table: BoxTable) -> int:
        columns, root = table.columns, f"{self._source.root}/"
        if columns.split is not None and (split := split_of_cell(row[columns.split])) != UNASSIGNED:
            return split
        if table.sheet.file.split != UNASSIGNED or columns.split is not None or not image.startswith(root):
            return table.sheet.file.split
        return split_of_folders(image.removeprefix(root).split("/")[:-1])

    def _add(self, at: int, row: list[str], columns: BoxColumns, line: int) -> list[Finding]:
        if columns.form == OBJECTS:
            return add_objects(self.builder, self.classes, row=at, objects=objects_of(row[columns.numbers[0]]))
        numbers = columns.numbers_of(row)
        name = ONLY_CLASS if columns.label is None else row[columns.label]
        if not numbers and (not name or columns.label is None):
            return []
        if not numbers:
            raise FindingError(Finding.of("box-invalid", f"an object of the class '{name}' without a box"))
        if not name:
            raise FindingError(Finding.of("object-invalid", "a box without a class"))
        box = columns.box_of(numbers)
        (label,) = self.classes.one(self._descriptions.get(name, name))
        self._counts[at] = number = self._counts.get(at, 0) + 1
        crowd = columns.crowd is not None and row[columns.crowd].lower() in YES
        self.builder.add_object(at, label, ObjectRecord(box, number, crowd=crowd, line=line))
        return []
