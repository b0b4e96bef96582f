"""Frozen dataclasses from the tables of a TOML file: every unknown key, missing key and wrong value at once.

Plain Python in place of a validation library: that would be three quarters of what listing all models costs.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import MISSING, dataclass, fields, is_dataclass
from functools import cache, partial
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from vistry.errors import suggestion

Location = tuple[str | int, ...]
Table = TypeVar("Table")


@dataclass(frozen=True)
class Fault:
    """What is wrong at one place of a file's content."""

    location: Location
    message: str
    remedy: str = ""

    @property
    def key(self) -> str:
        """The place as a dotted key."""
        return ".".join(map(str, self.location))


Reader = Callable[[Any, Location, list[Fault]], Any]
Constraint = Callable[[Any], str]


def read_table(kind: Callable[..., Table], data: Any) -> tuple[Table | None, list[Fault]]:
    """The data as a dataclass, or None and what keeps it from being one."""
    faults: list[Fault] = []
    found = _reader(kind)(data, (), faults)
    return (None if faults else found), faults


def matching(pattern: str, rule: str) -> Constraint:
    """A constraint on a text, with its rule in words for who breaks it."""
    return partial(_mismatch, re.compile(pattern), rule)


def one_of(known: tuple[str, ...], noun: str) -> Constraint:
    """A constraint on a name."""
    return partial(_unknown, known, noun)


def _mismatch(pattern: re.Pattern[str], rule: str, text: str) -> str:
    return "" if pattern.fullmatch(text) else f"must be {rule}"


def _unknown(known: tuple[str, ...], noun: str, name: str) -> str:
    return "" if name in known else f"there is no {noun} '{name}'; {suggestion(name, known)}".rstrip("; ")


@cache
def _reader(kind: Any) -> Reader:
    """What reads a value of this type."""
    origin, arguments = get_origin(kind), get_args(kind)
    if is_dataclass(kind):
        return _table_reader(kind)
    if origin is Annotated:
        return partial(_constrained, _reader(arguments[0]), arguments[1:])
    if origin is tuple:
        length = None if arguments[-1] is Ellipsis else len(arguments)
        return partial(_array, _reader(arguments[0]), length)
    if origin is dict:
        return partial(_entries, _reader(arguments[0]), _reader(arguments[1]))
    if origin in (UnionType, Union):
        return _union_reader(tuple(member for member in arguments if member is not NoneType))
    if origin is Literal:
        return partial(_literal, arguments)
    return _SCALARS[kind]


def _union_reader(members: tuple[Any, ...]) -> Reader:
    """A type that may be absent, or one of several scalars."""
    if len(members) == 1:
        return _reader(members[0])
    words = "a number" if str not in members else "text, a number, true or false"
    return partial(_scalar, members, words)


def _table_reader(kind: Any) -> Reader:
    hints = get_type_hints(kind, include_extras=True)
    readers = {field.name: _reader(hints[field.name]) for field in fields(kind)}
    required = tuple(
        field.name for field in fields(kind) if field.default is MISSING and field.default_factory is MISSING
    )
    return partial(_table, kind, readers, required)


def _table(
    kind: type,
    readers: dict[str, Reader],
    required: tuple[str, ...],
    value: Any,
    location: Location,
    faults: list[Fault],
) -> Any:
    if not isinstance(value, dict):
        return faults.append(Fault(location, "must be a table"))
    before = len(faults)
    found = {}
    for name, entry in value.items():
        place = (*location, name)
        if name in readers:
            found[name] = readers[name](entry, place, faults)
        else:
            faults.append(Fault(place, "is no key that is known here", suggestion(name, list(readers))))
    faults += [Fault((*location, name), "is missing", f"add {name} = ...") for name in required if name not in value]
    if len(faults) > before:
        return None
    try:
        return kind(**found)
    except ValueError as error:
        return faults.append(Fault(location, str(error)))


def _constrained(
    reader: Reader, constraints: tuple[Constraint, ...], value: Any, location: Location, faults: list[Fault]
) -> Any:
    before = len(faults)
    found = reader(value, location, faults)
    if len(faults) == before:
        faults += [Fault(location, broken) for check in constraints if (broken := check(found))]
    return found


def _array(reader: Reader, length: int | None, value: Any, location: Location, faults: list[Fault]) -> Any:
    if not isinstance(value, list) or (length is not None and len(value) != length):
        return faults.append(Fault(location, "must be an array" + (f" of {length}" if length else "")))
    return tuple(reader(entry, (*location, number), faults) for number, entry in enumerate(value))


def _entries(key: Reader, entry: Reader, value: Any, location: Location, faults: list[Fault]) -> Any:
    if not isinstance(value, dict):
        return faults.append(Fault(location, "must be a table"))
    found = {}
    for name, content in value.items():
        place = (*location, name)
        found[key(name, place, faults)] = entry(content, place, faults)
    return found


def _literal(words: tuple[Any, ...], value: Any, location: Location, faults: list[Fault]) -> Any:
    if value not in words:
        faults.append(Fault(location, f"must be {' or '.join(map(repr, words))}"))
    return value


def _scalar(kinds: tuple[type, ...], words: str, value: Any, location: Location, faults: list[Fault]) -> Any:
    if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
        faults.append(Fault(location, f"must be {words}"))
    return value


def _anything(value: Any, _: Location, __: list[Fault]) -> Any:
    return value


_SCALARS: dict[Any, Reader] = {
    Any: _anything,
    str: partial(_scalar, (str,), "text"),
    int: partial(_scalar, (int,), "an integer"),
    float: partial(_scalar, (int, float), "a number"),
    bool: partial(_scalar, (bool,), "true or false"),
}
