"""The line of a key, in every way that TOML lets a key be written."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from typing import Any

import pytest
import tomlkit
from hypothesis import given
from hypothesis import strategies as st
from vistry.registry.toml_lines import line_of

TEXT = '''# a = 0
a = 1
b.c = { d = 1, "e f" = { g = 2 }, 'h.i' = [ { j = 1 } ] }
text = """
fake = 1
[fake2] # "quotes
"""
literal = \'\'\'
a = 9\'\'\'
rows = [
  ["features.0."], ["x = 1"], # c ] [
  { k = 1 },

  7,
]
after = 1979-05-27 07:32:00
escaped = "tri\\"ple = {"

  [ t . "q.r" ]
z = 'a # b'
"uni\\u0041" = 1
[[n]]
p = 1
[[n]]
p = 2
[n.sub]
s = 1.5e-3
[[n.deep]]
u = 1
[[n.deep]]
u = 2
'''


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("a",), 2),
        (("b",), 3),
        (("b", "c", "e f", "g"), 3),
        (("b", "c", "h.i", 0, "j"), 3),
        (("text",), 4),
        (("literal",), 8),
        (("rows",), 10),
        (("rows", 0, 0), 11),
        (("rows", 1), 11),
        (("rows", 2, "k"), 12),
        (("rows", 3), 14),
        (("after",), 16),
        (("escaped",), 17),
        (("t", "q.r"), 19),
        (("t", "q.r", "z"), 20),
        (("t", "q.r", "uniA"), 21),
        (("n", 0), 22),
        (("n", 0, "p"), 23),
        (("n", 1, "p"), 25),
        (("n", 1, "sub", "s"), 27),
        (("n", 1, "deep", 0, "u"), 29),
        (("n", 1, "deep", 1, "u"), 31),
        (("a", "missing"), 2),
        (("t", "q.r", "missing", "too"), 19),
        (("missing",), None),
        ((), None),
    ],
)
def test_the_line_of_a_key(path: tuple[str | int, ...], line: int | None) -> None:
    tomllib.loads(TEXT)
    assert line_of(TEXT, path) == line


def test_windows_line_ends() -> None:
    assert line_of("a = 1\r\n[t]\r\nb = 2\r\n", ("t", "b")) == 3


def leaves(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    if isinstance(value, dict | list):
        for key, entry in value.items() if isinstance(value, dict) else enumerate(value):
            yield from leaves(entry, (*path, key))
    else:
        yield path, value


KEYS = st.text(alphabet="ab.=[]#'\" \\\u00e9", min_size=1, max_size=4)
TREES = st.recursive(
    st.text(alphabet="xy=[]{}#,'\"\n\\", max_size=6),
    lambda inner: st.dictionaries(KEYS, inner, max_size=3) | st.lists(inner, max_size=3),
    max_leaves=12,
)


@given(st.dictionaries(KEYS, TREES, max_size=4))
def test_every_value_of_any_document_is_found_on_its_line(tree: dict[str, Any]) -> None:
    count = iter(range(10**6))

    def numbered(value: Any) -> Any:
        """The tree with a unique mark in every text, so that its line can be seen without reading TOML."""
        if isinstance(value, dict):
            return {key: numbered(entry) for key, entry in value.items()}
        if isinstance(value, list):
            return [numbered(entry) for entry in value]
        return f"mark{next(count)}end {value}"

    text = tomlkit.dumps(numbered(tree))
    lines = text.split("\n")
    for path, value in leaves(tomllib.loads(text)):
        mark = value.partition(" ")[0]
        [line] = [number for number, content in enumerate(lines, start=1) if mark in content]
        assert line_of(text, path) == line
