"""Package faces whose names are imported when they are used."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module


def lazy_names(package: str, homes: Mapping[str, str]) -> tuple[Callable[[str], object], Callable[[], list[str]]]:
    """Return `__getattr__` and `__dir__` for a package whose names live in other modules (PEP 562).

    `homes`: the module of each name. A type checker needs the same imports under `if TYPE_CHECKING`.
    """

    def getattribute(name: str) -> object:
        if name in homes:
            return getattr(import_module(homes[name]), name)
        raise AttributeError(f"module '{package}' has no attribute '{name}'")

    def names() -> list[str]:
        return sorted(homes)

    return getattribute, names
