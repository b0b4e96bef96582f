"""Where a key stands in a JSON file: the parser gives values without lines, and an error needs one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from json import JSONDecoder

Path = tuple[str | int, ...]
_SPACE = re.compile(r"[\s,:]*")


def line_of(text: str, path: Path) -> int | None:
    """The line, from 1, of a key of a valid JSON text, or of the nearest key above it; None where there is none."""
    start = _after_space(text, 0)
    nearest = None
    for part in path:
        value = next((value for name, value in _entries(text, start) if name == part), None)
        if value is None:
            break
        start = nearest = value
    return None if nearest is None else text.count("\n", 0, nearest) + 1


def _entries(text: str, start: int) -> Iterator[tuple[str | int, int]]:
    """The name of each entry of the object or array that begins at a place, and where its value begins."""
    decoder, opening = JSONDecoder(), text[start]
    if opening not in "{[":
        return
    place, number = _after_space(text, start + 1), 0
    while text[place] not in "}]":
        name: str | int = number
        if opening == "{":
            name, end = decoder.raw_decode(text, place)
            place = _after_space(text, end)
        yield name, place
        place = _after_space(text, decoder.raw_decode(text, place)[1])
        number += 1


def _after_space(text: str, place: int) -> int:
    """The next place that has no space, comma or colon."""
    match = _SPACE.match(text, place)
    assert match, "the pattern matches nothing, too"
    return match.end()
