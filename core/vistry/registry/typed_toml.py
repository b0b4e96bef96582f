"""Frozen dataclasses from the tables of a TOML file: every unknown key, missing key and wrong value at once.

Plain Python in place of a validation library: that would be three quarters of what listing all models costs.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from functools import cache, partial
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from vistry.errors import Problem, suggestion

Location = tuple[str | int, ...]
Table = TypeVar("Table")


Problems = list[tuple[Location, Problem]]


class InvalidKeyError(ValueError):
    """What is wrong with a key somewhere below the table that finds it; `key` leads there from the table."""

    def __init__(self, message: str, key: Location):
        self.key = key
        super().__init__(message)


Reader = Callable[[object, Location, Problems], Any]
Constraint = Callable[[Any], str]


def read_table(kind: Callable[..., Table], data: Any) -> tuple[Table | None, Problems]:
    """The data as a dataclass, or None and each problem with its location."""
    problems: Problems = []
    table = reader_of(kind)(data, (), problems)
    return (None if problems else table), problems


def problem(location: Location, message: str, remedy: str = "") -> tuple[Location, Problem]:
    """A problem of the key at a location."""
    return location, Problem(".".join(map(str, location)), message, remedy)


def matching(pattern: str, rule: str) -> Constraint:
    """A constraint on a text, with its rule in words for who breaks it."""
    return partial(_mismatch, re.compile(pattern), rule)


def one_of(names: tuple[str, ...], noun: str) -> Constraint:
    """A constraint on a name."""
    return partial(_unknown, names, noun)


def positive(number: float) -> str:
    """A constraint on a number."""
    return "" if number > 0 else "must be above 0"


def is_mismatch(constraint: partial[str]) -> bool:
    """Whether a constraint is one of `matching`, whose first argument is the pattern."""
    return constraint.func is _mismatch


def is_unknown(constraint: partial[str]) -> bool:
    """Whether a constraint is one of `one_of`, whose first argument are the names."""
    return constraint.func is _unknown


def _mismatch(pattern: re.Pattern[str], rule: str, text: str) -> str:
    return "" if pattern.fullmatch(text) else f"must be {rule}"


def _unknown(names: tuple[str, ...], noun: str, name: str) -> str:
    return "" if name in names else f"there is no {noun} '{name}'; {suggestion(name, names)}".rstrip("; ")


@cache
def reader_of(kind: Any) -> Reader:
    """The function that reads a value of this type."""
    origin, arguments = get_origin(kind), get_args(kind)
    if is_dataclass(kind):
        return _table_reader(kind)
    if origin is Annotated:
        return _constrained_reader(arguments[0], arguments[1:])
    if origin is tuple:
        length = None if arguments[-1] is Ellipsis else len(arguments)
        return _array_reader(arguments[0], length)
    if origin is dict:
        return partial(_entries, reader_of(arguments[0]), reader_of(arguments[1]))
    if origin in (UnionType, Union):
        return _union_reader(tuple(member for member in arguments if member is not NoneType))
    if origin is Literal:
        return partial(_literal, arguments)
    return _SCALARS[kind]


def _union_reader(members: tuple[Any, ...]) -> Reader:
    """A type that may be absent, or one of several scalars."""
    if len(members) == 1:
        return reader_of(members[0])
    words = "a number" if str not in members else "text, a number, true or false"
    return partial(_scalar, members, words)


def readers_of(kind: Any) -> dict[str, Reader]:
    """The function that reads each key of a dataclass."""
    hints = get_type_hints(kind, include_extras=True)
    return {entry.name: reader_of(hints[entry.name]) for entry in fields(kind)}


def read_keys(readers: Mapping[str, Reader], value: object, location: Location, problems: Problems) -> dict[str, Any]:
    """The values of a table's keys, of which none needs to be there."""
    if not isinstance(value, dict):
        problems.append(problem(location, "must be a table"))
        return {}
    values = {}
    for name, entry in value.items():
        if reader := readers.get(name):
            values[name] = reader(entry, (*location, name), problems)
        else:
            problems.append(problem((*location, name), "is not a known key", suggestion(name, list(readers))))
    return values


def make_table(kind: Any, values: Mapping[str, Any], location: Location, problems: Problems) -> Any:
    """A dataclass of values that were read; None where it refuses them, or lacks one."""
    missing = [name for name in required_keys(kind) if name not in values]
    if missing:
        problems += [problem((*location, name), "is missing", f"add {name} = ...") for name in missing]
        return None
    try:
        return kind(**values)
    except InvalidKeyError as error:
        return problems.append(problem((*location, *error.key), str(error)))
    except ValueError as error:
        return problems.append(problem(location, str(error)))


@cache
def required_keys(kind: Any) -> tuple[str, ...]:
    """The keys of a dataclass that have no default."""
    return tuple(entry.name for entry in fields(kind) if entry.default is MISSING and entry.default_factory is MISSING)


def _table_reader(kind: Any) -> Reader:
    readers = readers_of(kind)

    def read(value: object, location: Location, problems: Problems) -> Any:
        before = len(problems)
        values = read_keys(readers, value, location, problems=problems)
        if not isinstance(value, dict):
            return None
        missing = [name for name in required_keys(kind) if name not in value]
        problems += [problem((*location, name), "is missing", f"add {name} = ...") for name in missing]
        return None if len(problems) > before else make_table(kind, values, location, problems=problems)

    return read


def _constrained_reader(kind: Any, constraints: tuple[Constraint, ...]) -> Reader:
    reader = reader_of(kind)

    def read(value: object, location: Location, problems: Problems) -> Any:
        before = len(problems)
        result = value if type(value) is kind else reader(value, location, problems)
        if len(problems) == before:
            for check in constraints:
                if broken := check(result):
                    problems.append(problem(location, broken))
        return result

    return read


def _array_reader(kind: Any, length: int | None) -> Reader:
    reader = reader_of(kind)

    def read(value: object, location: Location, problems: Problems) -> Any:
        if not isinstance(value, list) or (length is not None and len(value) != length):
            return problems.append(problem(location, "must be an array" + (f" of {length}" if length else "")))
        if all(type(entry) is kind for entry in value):
            return tuple(value)  # of plain scalars, of which most long arrays are
        return tuple([reader(entry, (*location, number), problems) for number, entry in enumerate(value)])

    return read


def _entries(key: Reader, entry: Reader, value: object, location: Location, problems: Problems) -> Any:
    if not isinstance(value, dict):
        return problems.append(problem(location, "must be a table"))
    entries = {}
    for name, content in value.items():
        place = (*location, name)
        entries[key(name, place, problems)] = entry(content, place, problems)
    return entries


def _literal(words: tuple[Any, ...], value: object, location: Location, problems: Problems) -> Any:
    # By type as well: Python takes true for 1.
    if not any(value == word and type(value) is type(word) for word in words):
        problems.append(problem(location, f"must be {' or '.join(map(repr, words))}"))
    return value


def _scalar(kinds: tuple[type, ...], words: str, value: object, location: Location, problems: Problems) -> Any:
    if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
        problems.append(problem(location, f"must be {words}"))
    return value


def _anything(value: object, _: Location, __: Problems) -> Any:
    return value


_SCALARS: dict[Any, Reader] = {
    Any: _anything,
    str: partial(_scalar, (str,), "text"),
    int: partial(_scalar, (int,), "an integer"),
    float: partial(_scalar, (int, float), "a number"),
    bool: partial(_scalar, (bool,), "true or false"),
}
