"""Read delimited text, such as CSV: its delimiter is found, and each row comes with its line."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

from vistry.data.findings import Finding, FindingError

SUFFIXES = (".csv", ".tsv")
# How many lines tell which delimiter a file has.
LINES = 50

Row = tuple[int, list[str]]
"""The line, from 1, and the cells without the spaces around them."""


def rows_of(path: Path) -> Iterator[Row]:
    """Every row that isn't blank. Raises FindingError for what isn't UTF-8 or isn't CSV."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            delimiter = _delimiter(list(islice(stream, LINES)))
            stream.seek(0)
            reader = csv.reader(stream, delimiter=delimiter)
            for row in reader:
                if any(row):
                    yield reader.line_num, [cell.strip() for cell in row]
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
