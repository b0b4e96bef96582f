"""YAML as people mean it: the tables of YAML 1.2, section 10.3.2, and plain words as written."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
from vistry.yaml_text import MAX_DEPTH, YamlError, YamlFile, parse_yaml, read_yaml

# Words that YAML 1.1 takes for something else than text or a decimal number.
OF_1_1 = ["off", "On", "NO", "yes", "y", "n", "1:30", "1_6", "0b11", "0o9", "1_000.5", "2001-01-01", "<<", "="]


@pytest.mark.parametrize(
    ("word", "value"),
    [
        *((word, None) for word in ("null", "Null", "NULL", "~", "")),
        *((word, True) for word in ("true", "True", "TRUE")),
        *((word, False) for word in ("false", "False", "FALSE")),
        *(("010", 10), ("-08", -8), ("+3", 3), ("0", 0), ("0o17", 15), ("0xFf", 255)),
        *(("1e-4", 1e-4), ("1.10", 1.1), (".5", 0.5), ("3.", 3.0), ("-1E+2", -100.0), ("12e03", 12e3)),
        *((".inf", math.inf), ("-.INF", -math.inf), ("9" * 500, math.inf)),
        *((word, word) for word in (*OF_1_1, "tRue", "nULL", "-0x1", "+0o1", ".Nan1", "--1")),
    ],
)
def test_words_without_quotes_mean_what_yaml_1_2_says(word: str, value: object) -> None:
    found = parse_yaml(f"key: {word}").values
    assert found == {"key": value}
    assert isinstance(found, dict)
    assert type(found["key"]) is type(value)


def test_what_is_not_a_number_stays_one() -> None:
    found: Any = parse_yaml("[.nan, .NaN]").values
    assert all(map(math.isnan, found))


@pytest.mark.parametrize("word", [*OF_1_1, "null", "true", "010", "1.10", "1e3", "~", "0x10", "NaN"])
def test_as_text_every_word_is_as_written(word: str) -> None:
    text = f"names: [{word}, a]\nnumbers:\n  0: {word}\n  {word}: b\n"
    assert parse_yaml(text, as_text=True).values == {"names": [word, "a"], "numbers": {"0": word, word: "b"}}


@pytest.mark.parametrize("as_text", [True, False])
def test_quotes_and_blocks_are_text_and_keys_are_as_written(as_text: bool) -> None:
    text = "'1': \"010\"\n010: 'off'\nlist:\n- |\n  1\n- !!str 2\n"
    values = {"1": "010", "010": "off", "list": ["1\n", "2"]}
    assert parse_yaml(text, as_text=as_text) == YamlFile(values, {"1": 1, "010": 2, "list": 3})


def test_a_tag_gives_a_type() -> None:
    assert parse_yaml("a: !!int '010'\nb: !!float 1\nc: !!map {}").values == {"a": 10, "b": 1, "c": {}}


def test_an_empty_file_has_no_values() -> None:
    assert parse_yaml("# nothing\n") == YamlFile(None, {})


def test_an_empty_value_is_empty_text_where_words_are_text() -> None:
    assert parse_yaml("test:\n", as_text=True).values == {"test": ""}


def test_an_alias_repeats_its_values() -> None:
    assert parse_yaml("a: &x [1]\nb: *x\n").values == {"a": [1], "b": [1]}


def bomb(levels: int) -> str:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, levels)]
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("a: 1\nb: [1\n", 3, "not valid YAML: while parsing a flow sequence expected ',' or ']'"),
        ("a: 1\n\na: 2\n", 3, "'a' is set twice; keep one"),
        ("names:\n  0: a\n  0: b\n", 3, "'0' is set twice; keep one"),
        ("a: 1\n---\nb: 1\n", 2, "not valid YAML: expected a single document"),
        ("a: !!python/object/apply:os.system [touch ran]\n", 1, "the tag !!python/object/apply:os.system isn't read"),
        ("a:\n- !!timestamp 2001-01-01\n", 2, "the tag !!timestamp isn't read"),
        ("a: !mine x\n", 1, "the tag !mine isn't read"),
        ("? [1]\n: 2\n", 1, "a key is a list or a mapping"),
        ("a: &x\n  b: *x\n", 1, f"nested more than {MAX_DEPTH} levels deep"),
        (bomb(9), 1, "aliases repeat more than 10,000 values"),
        ("[" * 60 + "]" * 60, 1, f"nested more than {MAX_DEPTH} levels deep"),
        ("[" * 100_000, None, f"nested more than {MAX_DEPTH} levels deep"),
    ],
)
def test_what_cannot_be_read_is_told_with_its_line(text: str, line: int | None, message: str) -> None:
    with pytest.raises(YamlError) as caught:
        parse_yaml(text)
    assert str(caught.value).startswith(message)
    assert caught.value.line == line


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_files_are_utf_8(encoding: str) -> None:
    path = Path("names.yaml")
    path.write_text("names: [Äpfel]\r\n", encoding=encoding, newline="")
    assert read_yaml(path).values == {"names": ["Äpfel"]}


def test_another_encoding_is_told_with_its_line() -> None:
    Path("names.yaml").write_bytes(b"a: 1\nb: \xff\n")
    with pytest.raises(YamlError, match="is not UTF-8 text") as caught:
        read_yaml(Path("names.yaml"))
    assert caught.value.line == 2
