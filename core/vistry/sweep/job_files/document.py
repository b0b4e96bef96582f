"""A job file as values with their places, and what is to be said about them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from vistry.errors import HyperparameterError, Problem, suggestion
from vistry.yaml_text import YamlError, YamlValue, read_yaml

SUBJECT = "job file"


class Lines(Protocol):
    """A file that knows the lines of its values."""

    def line(self, *path: str | int) -> int:
        """The line of the value that keys, and places from 0, lead to."""
        ...


@dataclass(frozen=True)
class Node:
    """A value of a job file, and the keys that lead to it."""

    value: YamlValue
    path: Path
    file: Lines = field(repr=False, compare=False)
    keys: tuple[str | int, ...] = ()

    @property
    def name(self) -> str:
        """The keys as a person writes them: `search_space[0].learning_rate`."""
        words = (f"[{key}]" if isinstance(key, int) else f".{key}" for key in self.keys)
        return "".join(words).removeprefix(".")

    @property
    def key(self) -> str:
        """The last key."""
        return str(self.keys[-1]) if self.keys else ""

    @property
    def where(self) -> str:
        """`file:line`."""
        return f"{self.path}:{self.file.line(*self.keys)}"

    def get(self, key: str) -> Node | None:
        """The value of a key, where this is a mapping that has it."""
        if not isinstance(self.value, dict) or key not in self.value:
            return None
        return self._child(self.value[key], key)

    def items(self) -> Iterator[Node]:
        """The values of a mapping or a list, in order; none of anything else."""
        if isinstance(self.value, dict):
            yield from (self._child(item, key) for key, item in self.value.items())
        elif isinstance(self.value, list):
            yield from (self._child(item, place) for place, item in enumerate(self.value))

    def text(self, key: str) -> str | None:
        """A value of this mapping that is text, as `snake_case` writes it."""
        child = self.get(key)
        return snake_case(child.value) if child is not None and isinstance(child.value, str) else None

    def _child(self, value: YamlValue, key: str | int) -> Node:
        return replace(self, value=value, keys=(*self.keys, key))


@dataclass
class Remarks:
    """What is wrong with a job file, and what its reader has to be told although it is right; each thing once."""

    problems: dict[str, Problem] = field(default_factory=dict)
    lines: dict[str, None] = field(default_factory=dict)

    def refuse(self, node: Node, message: str, remedy: str = "") -> None:
        """Note a problem of a value."""
        self.add(Problem(f"{node.where}: {node.name}" if node.keys else node.where, message, remedy))

    def refuse_at(self, where: str, name: str, message: str, remedy: str = "") -> None:
        """Note a problem of a value of which the place alone is at hand."""
        self.add(Problem(f"{where}: {name}", message, remedy))

    def add(self, problem: Problem) -> None:
        """Note a problem as it is."""
        self.problems[str(problem)] = problem

    def say(self, node: Node, message: str) -> None:
        """Note a line about a value that is taken otherwise than it looks."""
        self.lines[f"{node.where}: {node.name}: {message}"] = None

    def check(self) -> None:
        """Raise HyperparameterError with every problem, if there are any."""
        if self.problems:
            raise HyperparameterError(list(self.problems.values()), SUBJECT)


def read_document(path: Path) -> Node:
    """The whole file as one node. Raises HyperparameterError where it can't be read, or isn't a mapping."""
    try:
        file = read_yaml(path)
    except YamlError as error:
        where = str(path) if error.line is None else f"{path}:{error.line}"
        raise HyperparameterError([Problem(where, error.message)], SUBJECT) from None
    except OSError as error:
        raise HyperparameterError([Problem(str(path), f"can't be read: {error.strerror}")], SUBJECT) from None
    if not isinstance(file.values, dict):
        raise HyperparameterError([Problem(f"{path}:1", "a job file is a mapping of keys to values")], SUBJECT)
    return Node(file.values, path, file)


def mapping(node: Node | None, remarks: Remarks, example: str = "") -> Node | None:
    """The node where it is a mapping; anything else is refused."""
    if node is None or isinstance(node.value, dict):
        return node
    remarks.refuse(node, f"must be a mapping, got {shown(node.value)}", f"write {example}" if example else "")
    return None


def refuse_unknown(
    node: Node, known: Iterable[str], remarks: Remarks, instead: Mapping[str, str] | None = None
) -> None:
    """Refuse each key of a mapping that isn't known; `instead` says of some what to write for them."""
    names, elsewhere = list(known), instead or {}
    for child in node.items():
        if child.key in elsewhere:
            remarks.refuse(child, "is no key of a job file", elsewhere[child.key])
        elif child.key not in names:
            remarks.refuse(child, "is no key of a job file", suggestion(child.key, names))


def snake_case(text: str) -> str:
    """A word in lower case, its parts joined by underscores: `MedianStopping` is median_stopping."""
    words: list[str] = []
    for before, letter, after in zip(f" {text}", text, f"{text[1:]} ", strict=False):
        is_start = letter.isupper() and (before.islower() or before.isdigit() or (before.isupper() and after.islower()))
        words.append(f"_{letter}" if is_start else letter)
    return "".join(words).strip("_ ").replace("-", "_").lower()


def shown(value: YamlValue) -> str:
    """A value as a message shows it."""
    if isinstance(value, bool):
        return str(value).lower()
    if value is None:
        return "null"
    if isinstance(value, dict):
        return "a mapping"
    return "a list" if isinstance(value, list) else repr(value)
