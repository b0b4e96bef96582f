"""The names of the classes that published weights tell apart: the known lists, and those in a plugin's package."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from vistry.errors import WeightsError
from vistry.registry.package_files import package_file

_FOLDER = Path(__file__).parent / "class_names"


def class_list(source: str) -> tuple[str, ...]:
    """The names of a known list, or of a text file in an installed package, one a line. Raises WeightsError.

    A line such as "(unused 12)" stands for an output that means nothing.
    """
    kind, _, place = source.partition(":")
    if kind != "package":
        path = _FOLDER / f"{source}.txt"
    else:
        package, _, file = place.partition("/")
        try:
            path = package_file(package, file)
        except (ValueError, ImportError) as error:
            raise WeightsError(f"class_names = '{source}': a plugin.toml names {error}") from None
    return tuple(path.read_text(encoding="utf-8").splitlines())


def spelled_as(names: Sequence[str], wanted: Sequence[str]) -> tuple[str, ...]:
    """The names, each in the spelling of the one of `wanted` that differs in case, spaces, - or _ alone.

    Where two names could mean one, or one name two, they stay as they are.
    """
    known, candidates = Counter(map(_plain, names)), Counter(map(_plain, wanted))
    spellings = {
        plain: name for name in wanted if known[plain := _plain(name)] == candidates[plain] == 1 and name not in names
    }
    return tuple(spellings.get(_plain(name), name) for name in names)


def _plain(name: str) -> str:
    return "".join(character for character in name.casefold() if character not in " -_")
