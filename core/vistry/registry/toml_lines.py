"""Where a key stands in a TOML file: `tomllib` gives values without lines, and an error needs one."""

from __future__ import annotations

import re
from collections.abc import Iterator

_KEY = r"""(?:[A-Za-z0-9_-]+|"(?:[^"\\]|\\.)*"|'[^']*')"""
_DOTTED = re.compile(rf"\s*({_KEY}(?:\s*\.\s*{_KEY})*)\s*")
_PART = re.compile(_KEY)
_MULTILINE = re.compile(r'"""|\'\'\'')
_INLINE_KEY = re.compile(rf"[{{,]\s*({_KEY}(?:\s*\.\s*{_KEY})*)\s*=")


def _parts(dotted: str) -> tuple[str, ...]:
    return tuple(part.strip("\"'") for part in _PART.findall(dotted))


def _entries(text: str) -> Iterator[tuple[tuple[str, ...], int]]:
    table: tuple[str, ...] = ()
    arrays: dict[tuple[str, ...], int] = {}
    inside: str | None = None
    for number, line in enumerate(text.splitlines(), start=1):
        if inside:
            inside = None if inside in line else inside
            continue
        stripped = line.strip()
        if stripped.startswith("[["):
            name = _parts(stripped[2 : stripped.find("]]")])
            arrays[name] = arrays.get(name, -1) + 1
            table = (*name, str(arrays[name]))
            yield table, number
        elif stripped.startswith("[") and (match := _DOTTED.match(stripped[1:])):
            table = _parts(match[1])
            yield table, number
        elif (match := _DOTTED.match(line)) and line[match.end() :].startswith("="):
            key = (*table, *_parts(match[1]))
            yield key, number
            value = line[match.end() + 1 :]
            for inner in _INLINE_KEY.finditer(value.split("#")[0]):
                yield (*key, *_parts(inner[1])), number
            quotes = _MULTILINE.findall(value)
            if len(quotes) % 2:
                inside = quotes[-1]


def line_of(text: str, path: tuple[str | int, ...]) -> int | None:
    """The line, from 1, on which the key at `path` is set, or that of its nearest enclosing table."""
    lines: dict[tuple[str, ...], int] = {}
    for key, number in _entries(text):
        lines.setdefault(key, number)
    wanted = tuple(str(part) for part in path)
    while wanted:
        if wanted in lines:
            return lines[wanted]
        wanted = wanted[:-1]
    return None
