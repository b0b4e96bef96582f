"""MLTable, the hosted product's file that says which JSON Lines files a data set consists of."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from glob import glob
from pathlib import Path, PurePosixPath

from vistry.data.findings import Finding, FindingError
from vistry.data.readers.addresses import is_address
from vistry.data.readers.annotation_files import AnnotationFile
from vistry.data.readers.mltable_file import TableEntry, TableFile, read_table
from vistry.data.readers.split_words import split_of_path
from vistry.data.source import DataSource

FILE = "MLTable"
SUFFIXES = (".jsonl", ".ndjson")


def check_tables(path: Path) -> None:
    """Read the MLTable of a data set, if it has one, and look for what it names. Raises FindingError."""
    if path.name == FILE or (path / FILE).is_file():
        json_lines_files(DataSource(path), SUFFIXES)


def json_lines_files(source: DataSource, suffixes: Sequence[str]) -> list[AnnotationFile]:
    """The JSON Lines files of a data set: all below the folder, of a folder with an MLTable those that it names.

    A file that an MLTable names by an address is looked for by its name. Raises FindingError for one that isn't here.
    """
    tables = _tables(source)
    if source.path.is_file() and not tables:
        return [AnnotationFile(source.root / source.path.name)]
    files = {file.path: file for file in source.annotation_files(suffixes)}
    named: dict[Path, AnnotationFile] = {}
    for path in tables:
        table = read_table(path)
        for entry in table.entries:
            for file in _files_of(table, entry, source, suffixes=suffixes):
                named[file] = AnnotationFile(file, split_of_path(source.relative(file)))
    folders = {path.parent for path in tables}
    others = {path: file for path, file in files.items() if path.parent not in folders}
    if source.path.is_file() or source.root in folders:
        others = {}
    return [file for _, file in sorted((others | named).items())]


def _tables(source: DataSource) -> list[Path]:
    if not source.path.is_dir():
        return [source.root / FILE] if source.path.name == FILE else []
    return [source.root / file for file in source.index.others if file.rpartition("/")[2] == FILE]


def _files_of(table: TableFile, entry: TableEntry, source: DataSource, suffixes: Sequence[str]) -> Iterator[Path]:
    """The files that one of an MLTable's paths stands for."""
    if entry.kind == "file":
        path = _file(table, entry, source)
        if not table.reads_json_lines and path.suffix.lower() not in suffixes:
            message = f"it names '{entry.path}', and doesn't say that this is JSON Lines"
            finding = Finding.of("format-unknown", message, table.path, line=entry.line)
            raise FindingError(finding.advising("write  transformations: [read_json_lines]"))
        yield path
        return
    pattern = entry.path if entry.kind == "pattern" else f"{glob_text(entry.path)}/**/*"
    # A pattern may lead up, or be absolute, which Path.glob refuses.
    matching = sorted(glob(pattern, root_dir=table.path.parent, recursive=True))  # noqa: PTH207
    paths = [(table.path.parent / name).resolve() for name in matching]
    lines = [path for path in paths if path.is_file() and path.suffix.lower() in suffixes]
    if not lines:
        where = "below the folder" if entry.kind == "folder" else "for the pattern"
        raise _missing(table, entry, f"there is no JSON Lines file {where} '{entry.path}'")
    yield from lines


def glob_text(folder: str) -> str:
    """A folder's name as a pattern that means this folder alone."""
    return re.sub(r"([*?[])", r"[\1]", folder.rstrip("/\\"))


def _file(table: TableFile, entry: TableEntry, source: DataSource) -> Path:
    """The file that an MLTable names: beside it, or of that name below the data folder."""
    beside = (table.path.parent / entry.path).resolve()
    if beside.is_file():
        return beside
    last = PurePosixPath(entry.path.replace("\\", "/")).name
    same = [source.root / file for file in source.index.others if file.rpartition("/")[2] == last]
    if len(same) == 1:
        return same[0]
    raise _missing(table, entry, f"there {'is no such file' if not same else 'are several of that name'} here")


def _missing(table: TableFile, entry: TableEntry, reason: str) -> FindingError:
    remote = ", an address of another place" if is_address(entry.path) else ""
    message = f"it names '{entry.path}'{remote}, and {reason}"
    finding = Finding.of("data-missing", message, table.path, line=entry.line)
    return FindingError(finding.advising("put the file beside MLTable"))
