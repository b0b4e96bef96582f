"""Where a key stands in a TOML file: `tomllib` gives values without lines, and an error needs one."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from functools import lru_cache

Path = tuple[str, ...]

_TOKEN = re.compile(
    r"""(?P<blank>[ \t\r]+|\#[^\n]*)
      | (?P<text>\"{3}(?:[^\\]|\\.)*?\"{3,5}|'{3}.*?'{3,5}|"(?:[^"\\\n]|\\.)*"|'[^'\n]*')
      | (?P<mark>[\[\]{}=,\n])
      | (?P<dot>\.)
      | (?P<word>[A-Za-z0-9_-]+|.)""",
    re.VERBOSE | re.DOTALL,
)


class _Scanner:
    """Walks through the tokens of a valid TOML text and notes the line of every key."""

    def __init__(self, text: str):
        self.tokens = _tokens(text)
        self.lines: dict[Path, int] = {}
        self.arrays: dict[Path, int] = {}
        self.advance()

    def advance(self) -> str:
        passed = getattr(self, "token", "")
        self.token, self.line = next(self.tokens, ("", 0))
        return passed

    def note(self, path: Path, line: int) -> Path:
        self.lines.setdefault(path, line)
        return path

    def document(self) -> dict[Path, int]:
        table: Path = ()
        while self.token:
            if self.token == "\n":
                self.advance()
            elif self.token == "[":
                table = self.header()
            else:
                self.entry(table)
        return self.lines

    def header(self) -> Path:
        """`[table]`, or `[[array]]` whose tables are numbered from 0."""
        line, brackets = self.line, 0
        while self.token == "[":
            brackets += 1
            self.advance()
        table = self.inside_arrays(self.key())
        if brackets == 2:
            number = self.arrays[table] = self.arrays.get(table, -1) + 1
            self.note(table, line)
            table = (*table, str(number))
        while self.token == "]":
            self.advance()
        return self.note(table, line)

    def inside_arrays(self, key: Path) -> Path:
        """The key with the number of the array's latest table after each array it goes through."""
        table: Path = ()
        for part in key[:-1]:
            table = self.note((*table, part), self.line)
            if table in self.arrays:
                table = (*table, str(self.arrays[table]))
        return (*table, key[-1])

    def key(self) -> Path:
        parts = [_unquoted(self.advance())]
        while self.token == ".":
            self.advance()
            parts.append(_unquoted(self.advance()))
        return tuple(parts)

    def entry(self, table: Path) -> None:
        line, key = self.line, self.key()
        for length in range(1, len(key) + 1):
            path = self.note((*table, *key[:length]), line)
        self.advance()
        self.value(path)

    def value(self, path: Path) -> None:
        if self.token == "{":
            self.inline_table(path)
        elif self.token == "[":
            self.array(path)
        else:
            while self.token and self.token not in ",]}\n":
                self.advance()

    def inline_table(self, path: Path) -> None:
        self.advance()
        while self.token != "}":
            if self.token in ",\n":
                self.advance()
            else:
                self.entry(path)
        self.advance()

    def array(self, path: Path) -> None:
        self.advance()
        number = 0
        while self.token != "]":
            if self.token in ",\n":
                self.advance()
            else:
                self.value(self.note((*path, str(number)), self.line))
                number += 1
        self.advance()


def _tokens(text: str) -> Iterator[tuple[str, int]]:
    line = 1
    for match in _TOKEN.finditer(text):
        if match.lastgroup != "blank":
            yield match[0], line
        line += match[0].count("\n")


def _unquoted(part: str) -> str:
    return next(iter(tomllib.loads(f"{part} = 0"))) if part[0] in "\"'" else part


@lru_cache(maxsize=256)
def _lines(text: str) -> dict[Path, int]:
    return _Scanner(text).document()


def is_set(text: str, path: tuple[str | int, ...]) -> bool:
    """Whether a valid TOML text sets the key at `path`."""
    return tuple(str(part) for part in path) in _lines(text)


def line_of(text: str, path: tuple[str | int, ...]) -> int | None:
    """The line, from 1, of a valid TOML text that sets the key at `path`, or its nearest enclosing table."""
    lines = _lines(text)
    wanted = tuple(str(part) for part in path)
    while wanted and wanted not in lines:
        wanted = wanted[:-1]
    return lines.get(wanted) if wanted else None
