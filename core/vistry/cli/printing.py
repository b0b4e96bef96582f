"""Output: JSON for programs, tables for people, plain aligned text where nobody watches."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import click

from vistry.registry.records import SCHEMA

if TYPE_CHECKING:
    from vistry.runs.label_files import WrittenFile


def print_json(**content: object) -> None:
    """Print one JSON document with its schema number, and nothing else: indented on a terminal."""
    print_plain_json({"schema": SCHEMA, **content})


def print_plain_json(content: Mapping[str, object]) -> None:
    """Print one JSON document whose format isn't Vistry's own, such as a JSON Schema."""
    click.echo(json.dumps(content, indent=2 if sys.stdout.isatty() else None, ensure_ascii=False))


def json_line(content: object) -> str:
    """JSON on one line, in letters as they are; file names that aren't Unicode survive as escapes."""
    line = json.dumps(content, ensure_ascii=False)
    return line if printable(line) == line else json.dumps(content)


def printable(text: str) -> str:
    """A text with the bytes of a file name that isn't Unicode written as \\xff."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def print_table(headers: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[str] = ()) -> None:
    """Print rows under headers: a table on a terminal, else aligned text with nothing cut off.

    The columns named in `right` are aligned to the right.
    """
    if sys.stdout.isatty():
        _print_rich(headers, rows, right)
        return
    click.echo("\n".join(aligned([headers, *rows], right=[header in right for header in headers])))


def aligned(lines: Sequence[Sequence[str]], right: Sequence[bool]) -> list[str]:
    """Lines of cells as text in columns; those of `right` are aligned to the right."""
    widths = widths_of(lines)
    return [
        "  ".join(
            cell.rjust(width) if to_right else cell.ljust(width)
            for cell, width, to_right in zip(line, widths, right, strict=True)
        ).rstrip()
        for line in lines
    ]


def widths_of(lines: Sequence[Sequence[str]]) -> list[int]:
    """The width of each column of lines of cells."""
    return [max(map(len, column)) for column in zip(*lines, strict=True)]


def print_label_files(files: Iterable[WrittenFile], *, have_objects: bool, err: bool = False) -> None:
    """Print what was written of labels, a line a file or folder."""
    for file in files:
        counts = f"{file.images} images, {file.objects} objects" if have_objects else f"{file.images} images"
        click.echo(f"{file.path}: {counts}, {file.classes} classes", err=err)


def print_facts(facts: Mapping[str, str]) -> None:
    """Print names and values without the empty ones; the lines of a value stand below each other."""
    width = max(map(len, facts), default=0)
    for name, value in facts.items():
        for number, line in enumerate(value.splitlines()):
            click.echo(f"{'' if number else name:<{width}}  {line}")


def _print_rich(headers: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[str]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for header in headers:
        table.add_column(header, justify="right" if header in right else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    Console().print(table)
