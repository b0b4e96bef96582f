"""Which images belong together, such as those of a patient, a scene or a video: by a column, or by their paths."""

from __future__ import annotations

import codecs
import csv
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from vistry.data.checks.row_location import display_path
from vistry.data.findings import Finding
from vistry.data.table import SPLITS, UNASSIGNED, Table
from vistry.errors import DataError

Groups = npt.NDArray[np.int64]

MARK = "{group}"
TABLES, LISTS = (".csv", ".tsv"), (".jsonl", ".ndjson")
NAMED = 5
_EXAMPLE = f"'{MARK}_*.jpg' (names that begin alike) or '{MARK}/*' (a folder for each)"


@dataclass(frozen=True)
class Grouping:
    """The group of each of N images by its name, "" for an image of none; `by` is what the user named it by."""

    by: str
    names: tuple[str, ...]

    @property
    def count(self) -> int:
        """The number of groups."""
        return len(set(self.names) - {""})

    @property
    def ungrouped(self) -> int:
        """The number of images that belong to none, each of which stands alone."""
        return self.names.count("")

    def indices(self) -> Groups:
        """[N] equal for images of one group; an image of none has a number of its own."""
        _, groups = np.unique(np.asarray(self.names, dtype=object).astype(str), return_inverse=True)
        alone = np.array([not name for name in self.names], dtype=bool)
        groups = groups.reshape(-1).astype(np.int64)
        groups[alone] = len(self.names) + np.flatnonzero(alone)
        return groups

    def __str__(self) -> str:
        text = f"by {self.by}, {self.count:,} {'group' if self.count == 1 else 'groups'}"
        return text + (f" and {self.ungrouped:,} images in none" if self.ungrouped else "")


def grouping_of(table: Table, by: str) -> Grouping:
    """The groups of a table's rows by a pattern on paths, which holds {group}, or by a column of its files.

    Raises DataError where there is no such column, or nothing belongs to a group.
    """
    names = _by_path(table, by) if MARK in by else _by_column(table, by)
    grouping = Grouping(by, tuple(names))
    if not grouping.count:
        first = display_path(table, 0)
        what = f"matches none of the {len(table)} images, such as {first}" if MARK in by else "is empty in every row"
        raise DataError(f"--group-by: '{by}' {what}; write a pattern such as {_EXAMPLE}, or name another column")
    return grouping


def joined(first: Groups, second: Groups) -> Groups:
    """[N] equal where rows are connected by either of two groupings [N], through others where need be."""
    parents = list(range(len(first)))

    def root(row: int) -> int:
        while parents[row] != row:
            parents[row] = parents[parents[row]]
            row = parents[row]
        return row

    for groups in (first, second):
        leaders: dict[int, int] = {}
        for row, group in enumerate(groups.tolist()):
            one, other = root(row), root(leaders.setdefault(group, row))
            parents[max(one, other)] = min(one, other)
    return np.array([root(row) for row in range(len(first))], dtype=np.int64)


def straddling(by: str, parts: Mapping[str, Sequence[str]], place: object) -> Iterator[Finding]:
    """A warning where groups have images in several parts; `parts` are the groups' names of each part's images."""
    sets = {part: set(names) - {""} for part, names in parts.items()}
    several = sorted(
        {name for part, names in sets.items() for other in sets if other != part for name in names & sets[other]}
    )
    if several:
        some = ", ".join(several[:NAMED]) + (", ..." if len(several) > NAMED else "")
        total = len(set().union(*sets.values()))
        where = " and ".join(part for part, names in sets.items() if names & set(several))
        message = f"{len(several)} of {total} groups by {by} are in more than one of {where}: {some}"
        yield Finding.of("group-straddles", message, place, count=len(several))


def names_by_split(table: Table, grouping: Grouping) -> dict[str, list[str]]:
    """The groups' names of the rows of each split; rows without one train."""
    names: dict[str, list[str]] = {split: [] for split in SPLITS}
    for split, name in zip(table.split.tolist(), grouping.names, strict=True):
        names[SPLITS[0 if split == UNASSIGNED else split]].append(name)
    return names


def _by_path(table: Table, pattern: str) -> Iterator[str]:
    compiled, parts = _compiled(pattern), pattern.count("/") + 1
    for row in range(len(table)):
        end = display_path(table, row).split("/")[-parts:]
        match = compiled.fullmatch("/".join(end))
        yield "/".join(match.groups()) if match else ""


def _compiled(pattern: str) -> re.Pattern[str]:
    """{group} is some text within a part of the path, as short as possible, and * is any."""
    words = re.split(r"(\{group\}|\*)", pattern)
    return re.compile("".join({MARK: "([^/]+?)", "*": "[^/]*"}.get(word, re.escape(word)) for word in words))


def _by_column(table: Table, column: str) -> Iterator[str]:
    if not np.all(table.lines > 0):
        raise DataError(_no_column(table, column, ()))
    values = {at: _values(table, table.files[at], column) for at in np.unique(table.file_of).tolist()}
    for row in range(len(table)):
        yield values[int(table.file_of[row])].get(int(table.lines[row]), "")


def _values(table: Table, file: Path, column: str) -> dict[int, str]:
    """The values of a column by the line of the file, counted from 1."""
    kind = file.suffix.lower()
    if kind in TABLES:
        return _csv_values(table, file, column)
    if kind in LISTS:
        return _json_values(table, file, column)
    raise DataError(_no_column(table, column, ()))


def _csv_values(table: Table, file: Path, column: str) -> dict[int, str]:
    with file.open(encoding="utf-8-sig", newline="") as stream:
        head = stream.readline()
        stream.seek(0)
        reader = csv.reader(stream, delimiter=max(",;\t", key=head.count))
        header = [cell.strip() for cell in next(reader, [])]
        at = _column_at(header, column)
        if at is None:
            raise DataError(_no_column(table, column, header))
        cells = ((reader.line_num, row) for row in reader)
        return {line: row[at].strip() for line, row in cells if at < len(row)}


def _json_values(table: Table, file: Path, column: str) -> dict[int, str]:
    values, known = {}, dict[str, None]()
    with file.open("rb") as stream:
        for number, line in enumerate(stream, start=1):
            try:
                record = json.loads(line.removeprefix(codecs.BOM_UTF8)) if line.strip() else {}
            except ValueError:
                continue
            if isinstance(record, dict):
                known |= dict.fromkeys(record)
                at = _column_at(list(record), column)
                value = None if at is None else list(record.values())[at]
                values[number] = str(value).strip() if isinstance(value, str | int | float) else ""
    if _column_at(list(known), column) is None:
        raise DataError(_no_column(table, column, list(known)))
    return values


def _column_at(header: Sequence[str], column: str) -> int | None:
    """Where a column is, by its name, else by its name in other letter case."""
    if column in header:
        return header.index(column)
    lower = [name.casefold() for name in header]
    return lower.index(column.casefold()) if lower.count(column.casefold()) == 1 else None


def _no_column(table: Table, column: str, header: Sequence[str]) -> str:
    what = f"there is no column '{column}'"
    has = (
        f"the columns are {', '.join(header[:20])}" if header else f"data in the format '{table.format}' has no columns"
    )
    return f"--group-by: {what}; {has}. A pattern on the path has {MARK} in it, such as {_EXAMPLE}"
