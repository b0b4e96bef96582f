"""docs/reference/manifest.md has every key of plugin.toml as the schema has it, and its examples are read."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import MISSING, Field, fields, is_dataclass
from functools import reduce
from math import nan
from operator import or_
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

import pytest
from vistry.registry import field_spec as field_schema
from vistry.registry import manifest as schema
from vistry.registry.manifest import Manifest
from vistry.registry.typed_toml import read_table

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "manifest.md").read_text()
TABLES = dict(re.findall(r"<!-- table: (\w+) -->\n(.*?)(?=\n<!-- table: |\n## Kinds|\Z)", PAGE, re.DOTALL))
NAMED: dict[Any, str] = {
    schema.Attribute: "attribute",
    schema.Backend: "backend",
    schema.ClassNames: "class names",
    schema.ComposedName: "composed name",
    schema.DataSet: "data set",
    schema.Device: "device",
    schema.Dtype: "dtype",
    schema.FullName: "full name",
    schema.Hash: "hash",
    schema.JsonFile: "JSON file",
    schema.Wrapped: "hook",
    schema.Metadata: "metadata",
    schema.ModelName: "model name",
    schema.Name: "name",
    schema.Paper: "paper",
    schema.Reference: "reference",
    schema.Scope: "scope",
    schema.WeightsName: "weights name",
    schema.WeightsSource: "source",
    schema.Tag: "tag",
    schema.TaskKey: "task",
    field_schema.Scalar: "value",
    schema.Version: "version",
}
WORDS = {**NAMED, field_schema.Number: "number"}
WORDS |= {str: "text", int: "integer", float: "number", bool: "true or false", Any: "anything"}
CHOICES = {  # what each kind that is one of several names may be
    "backend": schema.BACKENDS,
    "device": schema.DEVICES,
    "dtype": schema.DTYPES,
    "hook": schema.WRAPPABLE_HOOKS,
    "scope": (*field_schema.TASK_NAMES, "*"),
    "task": field_schema.TASK_NAMES,
}


def rows(text: str) -> list[list[str]]:
    """The cells of a table's rows, without its head."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines[2:]]


def tables_in(hint: Any) -> Iterator[Any]:
    """The dataclasses that a type mentions, and those they are made of."""
    if is_dataclass(hint):
        yield hint
    within = get_type_hints(hint, include_extras=True).values() if is_dataclass(hint) else get_args(hint)
    for part in within:
        yield from tables_in(part)


SCHEMA = {table.__name__: table for table in tables_in(Manifest)}


def kind(hint: Any) -> str:
    """A type in the page's words."""
    origin, parts = get_origin(hint), get_args(hint)
    if origin is UnionType:
        hint = reduce(or_, (part for part in parts if part is not NoneType))
    if hint in WORDS:
        return WORDS[hint]
    if is_dataclass(hint):
        return "table"
    if origin is Literal:
        return " or ".join(", ".join(map(toml, parts)).rsplit(", ", 1))
    if origin is dict:
        return f"table: {kind(parts[0])} → {kind(parts[1])}"
    if origin is tuple:
        number = "" if parts[-1] is ... else f"{len(parts)} "
        if get_origin(parts[0]) is Literal:
            return f"array of {number}{kind(parts[0])}"
        first, *rest = kind(parts[0]).split()
        return " ".join([f"array of {number}{first}s", *rest])
    if origin is UnionType:
        return kind(hint)
    base, constraint = parts
    assert origin is Annotated, hint
    assert constraint(0) == "must be above 0", hint
    return f"{kind(base)} above 0"


def toml(value: Any) -> str:
    """A value as TOML, marked as code."""
    return f"`{_toml(value)}`"


def _toml(value: Any) -> str:
    if isinstance(value, str):
        return f'"{value}"'
    if isinstance(value, tuple):
        return f"[{', '.join(map(_toml, value))}]"
    return str(value).lower()


def default(field: Field[Any]) -> str:
    """A field's default in the page's words."""
    value = field.default if field.default_factory is MISSING else field.default_factory()
    if value is MISSING:
        return "required"
    if is_dataclass(value):
        return "its keys' defaults"
    return "unset" if value is None else toml(value)


def test_every_table_is_there() -> None:
    assert TABLES.keys() == SCHEMA.keys()


@pytest.mark.parametrize("name", SCHEMA)
def test_keys_kinds_and_defaults_are_those_of_the_schema(name: str) -> None:
    hints = get_type_hints(SCHEMA[name], include_extras=True)
    expected = [[f"`{field.name}`", kind(hints[field.name]), default(field)] for field in fields(SCHEMA[name])]
    assert [row[:3] for row in rows(TABLES[name])] == expected
    assert all(meaning.endswith(".") for _, _, _, meaning, _ in rows(TABLES[name]))


@pytest.mark.parametrize("name", SCHEMA)
def test_each_example_is_read_and_sets_its_key(name: str) -> None:
    examples = {row[0].strip("`"): re.findall(r"`([^`]+)`", row[4]) for row in rows(TABLES[name])}
    required = [example[0] for key, example in examples.items() if default(_field(name, key)) == "required"]
    for key, lines in examples.items():
        data = {k: v for line in [*required, *lines] for k, v in tomllib.loads(line).items()}
        found, faults = read_table(SCHEMA[name], data)
        assert faults == [], key
        assert lines[0].startswith((f"{key} = ", f"{key}.")), key
        assert getattr(found, key) is not None


def _field(name: str, key: str) -> Field[Any]:
    return next(field for field in fields(SCHEMA[name]) if field.name == key)


def test_each_kind_of_value_is_explained() -> None:
    explained = dict(rows(PAGE.partition("\n## Kinds of values\n")[2]))
    assert list(explained) == sorted(NAMED.values())
    for hint, word in NAMED.items():
        said = explained[word].removeprefix("text ")
        if word in CHOICES:
            assert re.findall(r"`([^`]+)`", said) == list(CHOICES[word])
            assert [get_args(hint)[1](choice) for choice in CHOICES[word]] == [""] * len(CHOICES[word])
        elif word == "value":
            _, problems = read_table(schema.Restriction, {"reason": "", "choices": [[]]})
            assert [problem.message for _, problem in problems] == [f"must be {explained[word]}"]
        elif word == "metadata":
            assert [bool(get_args(hint)[1]({"key": value})) for value in ("a", 1, [True], {"b": 1.5}, nan)] == [
                *[False] * 4,
                True,
            ]
        else:
            assert get_args(hint)[1]("\0") == f"must be {said}"


@pytest.mark.parametrize("link", re.findall(r"\]\(#([\w-]+)\)", PAGE))
def test_each_link_inside_the_page_leads_to_a_heading(link: str) -> None:
    headings = re.findall(r"^## (.*)$", PAGE, re.MULTILINE)
    assert link in [re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings]
