"""The file MLTable itself: what it names, and whether it is about JSON Lines; anything else is refused by its name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from vistry.data.findings import Finding, FindingError
from vistry.errors import suggestion
from vistry.yaml_text import YamlError, YamlFile, YamlValue, read_yaml

KINDS = ("file", "folder", "pattern")
_KEYS = ("$schema", "type", "paths", "transformations", "metadata", "name", "description", "version", "tags")
_TRANSFORMATIONS = ("read_json_lines", "convert_column_types")
_OPTIONS = {
    "encoding": ("utf8", "utf-8", "utf_8", "ascii"),
    "invalid_lines": ("error", "drop"),
    "include_path_column": (True, False),
}
_CONVERT = "convert it to JSON Lines with a line an image, and read those with read_json_lines"


@dataclass(frozen=True)
class TableEntry:
    """One of the paths of an MLTable: a file, a folder or a pattern, and its line."""

    kind: str
    path: str
    line: int


@dataclass(frozen=True)
class TableFile:
    """What an MLTable says: which paths, and whether it says that they are JSON Lines."""

    path: Path
    entries: tuple[TableEntry, ...]
    reads_json_lines: bool


def read_table(path: Path) -> TableFile:
    """Read an MLTable. Raises FindingError, with the line, for what isn't understood."""
    try:
        file = read_yaml(path)
    except YamlError as error:
        raise FindingError(Finding.of("line-invalid", error.message, path, line=error.line)) from None
    if not isinstance(file.values, dict):
        raise FindingError(Finding.of("line-invalid", "an MLTable is a mapping with paths", path, line=1))
    reader = _TableReader(path, file)
    reader.check_keys(file.values)
    steps = tuple(reader.steps(file.values.get("transformations")))
    return TableFile(path, tuple(reader.entries(file.values.get("paths"))), "read_json_lines" in steps)


@dataclass(frozen=True)
class _TableReader:
    path: Path
    file: YamlFile

    def check_keys(self, values: Mapping[str, YamlValue]) -> None:
        for key in values:
            if key not in _KEYS:
                raise self._unknown(f"'{key}' is no key of an MLTable", suggestion(key, _KEYS), key)
        kind = values.get("type", "mltable")
        if str(kind).lower() != "mltable":
            raise self._unknown(f"its type must be mltable, got {kind!r}", "correct it", "type")

    def entries(self, paths: YamlValue) -> Iterator[TableEntry]:
        if not isinstance(paths, list) or not paths:
            raise self._unknown("it names no paths", "write  paths: [{file: ./annotations.jsonl}]", "paths")
        for place, entry in enumerate(paths):
            kind, name = next(iter(entry.items())) if isinstance(entry, dict) and len(entry) == 1 else ("", None)
            if kind not in KINDS or not isinstance(name, str) or not name:
                message = "each of its paths is one of file:, folder: and pattern: with a text"
                raise self._unknown(message, "write  - file: ./annotations.jsonl", "paths", place)
            yield TableEntry(kind, name, self.file.line("paths", place))

    def steps(self, transformations: YamlValue) -> Iterator[str]:
        """The name of each transformation, checked."""
        if transformations is None:
            return
        if not isinstance(transformations, list):
            raise self._unknown("its transformations are a list", "write  - read_json_lines", "transformations")
        for place, step in enumerate(transformations):
            where = ("transformations", place)
            name, options = next(iter(step.items())) if isinstance(step, dict) and len(step) == 1 else (step, None)
            if name == "read_json_lines":
                self._check_lines(options, where)
            elif name == "convert_column_types":
                self._check_conversions(options, where)
            else:
                known = " and ".join(_TRANSFORMATIONS)
                raise self._unknown(f"the transformation {name!r} isn't read; known: {known}", _CONVERT, *where)
            yield str(name)

    def _check_lines(self, options: YamlValue, where: tuple[str | int, ...]) -> None:
        for key, value in self._mapping(options, where).items():
            place = (*where, "read_json_lines", key)
            if key not in _OPTIONS:
                remedy = suggestion(key, list(_OPTIONS))
                raise self._unknown(f"read_json_lines has no option '{key}' here", remedy, *place)
            if (value.lower() if isinstance(value, str) else value) not in _OPTIONS[key]:
                allowed = " or ".join(str(choice).lower() for choice in _OPTIONS[key])
                message = f"{key} of read_json_lines must be {allowed}, got {value!r}"
                raise self._unknown(message, "save the file as UTF-8" if key == "encoding" else "", *place)

    def _check_conversions(self, options: YamlValue, where: tuple[str | int, ...]) -> None:
        conversions = options if isinstance(options, list) else [options]
        for place, conversion in enumerate(conversions):
            at = (*where, "convert_column_types", place)
            kind = self._mapping(conversion, at).get("column_type")
            name = next(iter(kind), None) if isinstance(kind, dict) else kind
            if name != "stream_info":
                message = f"the column type {name!r} isn't read; known: stream_info"
                raise self._unknown(message, "write the values in the JSON Lines as they are meant", *at)

    def _mapping(self, value: YamlValue, where: tuple[str | int, ...]) -> Mapping[str, YamlValue]:
        if value is not None and not isinstance(value, dict):
            raise self._unknown(f"expected a mapping, got {value!r}", "", *where)
        return value or {}

    def _unknown(self, message: str, remedy: str, *where: str | int) -> FindingError:
        finding = Finding.of("format-unknown", message, self.path, line=self.file.line(*where))
        return FindingError(finding.advising(remedy))
