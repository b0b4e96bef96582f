"""Where a key stands in a JSON text, against texts that are written a known way."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from vistry.registry.json_lines import line_of

VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text()),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(), inner, max_size=3)),
    max_leaves=12,
)


def numbered(value: Any, line: int = 1) -> list[tuple[tuple[str | int, ...], int]]:
    """Each key of a value that `json.dumps(value, indent=1)` writes, with its line."""
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    found: list[tuple[tuple[str | int, ...], int]] = []
    for name, entry in entries:
        line += 1
        below = numbered(entry, line)
        found += [((name,), line), *(((name, *path), at) for path, at in below)]
        line += json.dumps(entry, indent=1).count("\n")
    return found


@given(st.dictionaries(st.text(), VALUES, max_size=4))
def test_each_key_is_found_on_the_line_that_it_was_written_to(value: dict[str, Any]) -> None:
    text = json.dumps(value, indent=1)
    for path, line in numbered(value):
        assert line_of(text, path) == line


@pytest.mark.parametrize(
    ("path", "line"), [((), None), (("b",), None), (("a", "c"), 2), (("a", 1, "x"), 4), (("a", 9), 2), (("a", 0, 0), 3)]
)
def test_a_key_that_is_not_there_is_on_the_line_of_the_nearest_above_it(path: tuple[str | int, ...], line: int) -> None:
    assert line_of('{\n "a": [\n  "[{",\n  {"x": 1}\n ]\n}', path) == line
