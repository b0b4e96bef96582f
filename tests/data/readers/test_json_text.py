from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from vistry.data.readers import json_text
from vistry.data.readers.json_text import Repeated, elements
from vistry.errors import DataError

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=60)
@given(st.dictionaries(st.text(), VALUES, max_size=3), st.sampled_from([None, 1]), st.integers(1, 9))
def test_what_is_read_piece_by_piece_is_what_json_loads(tmp_path_factory, content, indent, block):
    path = tmp_path_factory.mktemp("json") / "a.json"
    path.write_text(json.dumps(content, indent=indent))
    expected = [
        (key, value) for key, values in content.items() for value in (values if isinstance(values, list) else [values])
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_text, "BLOCK", block)
        assert [(key, value) for key, _, value in elements(path)] == expected


def test_lines_are_counted(tmp_path):
    path = tmp_path / "a.json"
    path.write_text('{"a": [1,\n2,\n\n3],\n"b": {}}')
    assert [(key, line) for key, line, _ in elements(path)] == [("a", 1), ("a", 2), ("a", 4), ("b", 5)]


def test_a_key_given_twice_is_noticed(tmp_path):
    path = tmp_path / "a.json"
    path.write_text('{"a": [{"b": 1, "b": 2}, {"b": 1}]}')
    assert [isinstance(value, Repeated) for _, _, value in elements(path)] == [True, False]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{"a": [1,\n 2', "a.json:2: not JSON: expecting ']'"),
        (b'{"a": [1\n 2]}', "a.json:2: not JSON: expecting ']'"),
        (b'{"a" 1}', "a.json:1: not JSON: expecting ':'"),
        (b"[]", "a.json:1: not JSON: expecting '{'"),
        (b"", "a.json:1: not JSON: expecting '{'"),
        (b'{"a": [{"b": }]}', "a.json:1: not JSON: Expecting value"),
        (b'{"a": ' + b"[" * 100_000, "a.json:1: not JSON: "),
        (b'{"a": "\xff"}', "a.json: not UTF-8"),
        ('{"a": 1}'.encode("utf-16"), "a.json: this is UTF-16, and Vistry reads UTF-8"),
        ('{"a": 1}'.encode("utf-16-le"), "a.json: this is UTF-16"),
    ],
)
def test_what_is_not_json(tmp_path, content, message):
    path = tmp_path / "a.json"
    path.write_bytes(content)
    with pytest.raises(DataError) as caught:
        list(elements(path))
    assert message in str(caught.value)
