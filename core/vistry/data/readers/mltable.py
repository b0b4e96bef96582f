"""MLTable, the hosted product's file that says which JSON Lines files a data set consists of."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

from vistry.data.findings import Finding, FindingError
from vistry.data.readers.annotation_files import AnnotationFile
from vistry.data.readers.split_words import split_of_path
from vistry.data.source import DataSource
from vistry.yaml_text import YamlError, read_yaml

FILE = "MLTable"


def json_lines_files(source: DataSource, suffixes: Sequence[str]) -> list[AnnotationFile]:
    """The JSON Lines files of a data set: all below the folder, of a folder with an MLTable those that it names.

    A file that an MLTable names by an address is looked for by its name. Raises FindingError for one that isn't here.
    """
    tables = _tables(source)
    if source.path.is_file() and not tables:
        return [AnnotationFile(source.root / source.path.name)]
    files = {file.path: file for file in source.annotation_files(suffixes)}
    named: dict[Path, AnnotationFile] = {}
    for table in tables:
        for name in _names(table):
            path = _found(table, name, source)
            if path.suffix.lower() in suffixes:
                named[path] = AnnotationFile(path, split_of_path(source.relative(path)))
    folders = {table.parent for table in tables if any(path.parent == table.parent for path in named)}
    others = {path: file for path, file in files.items() if path.parent not in folders}
    return [file for _, file in sorted((others | named).items())]


def _tables(source: DataSource) -> list[Path]:
    if not source.path.is_dir():
        return [source.root / FILE] if source.path.name == FILE else []
    return [source.root / file for file in source.index.others if file.rpartition("/")[2] == FILE]


def _names(table: Path) -> Iterator[str]:
    """The files that an MLTable names."""
    try:
        values = read_yaml(table).values
    except YamlError as error:
        raise FindingError(Finding.of("line-invalid", error.message, table, line=error.line)) from None
    entries = values.get("paths") if isinstance(values, dict) else None
    for entry in entries if isinstance(entries, list) else ():
        name = entry.get("file") if isinstance(entry, dict) else None
        if isinstance(name, str) and name:
            yield name


def _found(table: Path, name: str, source: DataSource) -> Path:
    """The file that an MLTable names: beside it, or of that name below the data folder."""
    beside = (table.parent / name).resolve()
    if beside.is_file():
        return beside
    last = PurePosixPath(name.replace("\\", "/")).name
    same = [source.root / file for file in source.index.others if file.rpartition("/")[2] == last]
    if len(same) != 1:
        message = f"it names '{name}', and there {'is no such file' if not same else 'are several of that name'} here"
        raise FindingError(Finding.of("data-missing", message, table).advising("put the file beside MLTable"))
    return same[0]
