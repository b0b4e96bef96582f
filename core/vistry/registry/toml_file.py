"""Reading a TOML file into its tables: every problem in it at once, each with file, line and remedy."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

from vistry.errors import Problem, RegistryError
from vistry.registry.toml_lines import line_of
from vistry.registry.typed_toml import read_table

Table = TypeVar("Table")


class TomlFileError(RegistryError):
    """A TOML file that can't be used: `problems` has every problem with its line."""

    def __init__(self, problems: Iterable[Problem]):
        self.problems = tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))


def read_toml(path: Path) -> tuple[str, dict[str, Any]]:
    """The text and the content of a TOML file. Raises TomlFileError."""
    text = read_text(path)
    try:
        return text, tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise TomlFileError([_syntax_problem(path, text, str(error))]) from None


def validated(kind: Callable[..., Table], path: Path, text: str, data: dict[str, Any]) -> Table:
    """The content of a TOML file as its dataclass. Raises TomlFileError."""
    table, problems = read_table(kind, data)
    if table is None:
        raise TomlFileError(in_file(path, line_of(text, location), problem) for location, problem in problems)
    return table


def place(path: Path, key: tuple[str | int, ...]) -> str:
    """`file:line` of a key in a TOML file. Raises TomlFileError where the file has gone."""
    line = line_of(read_text(path), key)
    return f"{path}:{line}" if line else str(path)


def read_text(path: Path) -> str:
    """The text of a UTF-8 file, with or without a byte order mark. Raises TomlFileError."""
    try:
        return path.read_bytes().decode("utf-8-sig").replace("\r\n", "\n")
    except OSError as error:
        problem = Problem(str(path), f"can't be read: {error.strerror}")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        problem = Problem(f"{path}:{line}", "is not UTF-8 text", "save the file as UTF-8")
    raise TomlFileError([problem])


def _syntax_problem(path: Path, text: str, message: str) -> Problem:
    match = re.fullmatch(r"(.*) \(at (?:line (\d+), column \d+|end of document)\)", message)
    reason, line = (match[1], match[2]) if match else (message, None)
    return Problem(f"{path}:{line or text.count(chr(10)) + 1}", f"not valid TOML: {reason}")


def in_file(path: Path, line: int | None, problem: Problem) -> Problem:
    """The problem of a key with its file and line."""
    message = f"'{problem.field}' {problem.message}" if problem.field else problem.message
    return Problem(f"{path}:{line or 1}", message, problem.remedy)
