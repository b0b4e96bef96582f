"""Whether a model can be computed with a backend here, and the backend's functions."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, requires, version

from vistry.errors import RegistryError
from vistry.registry.cards import ModelCard
from vistry.training.engines import EngineModule, engine_module


def checked_engine_module(card: ModelCard, backend: str) -> EngineModule:
    """Return a backend's functions, if the model has that backend and what it needs is installed.

    Raises RegistryError.
    """
    if backend not in card.backends:
        raise RegistryError(f"{card.name} has no backend '{backend}'; use {' or '.join(card.backends)}")
    module = engine_module(backend)
    for package in _missing_packages(card.distribution, backend):
        raise RegistryError(
            f"{card.name} needs {package} for {backend}, and it is not installed; "
            f"type: pip install '{card.distribution}[{backend}]'"
        )
    return module


def _missing_packages(distribution: str, extra: str) -> Iterator[str]:
    """Yield what a distribution's extra requires unconditionally and isn't installed."""
    for requirement in requires(distribution) or ():
        if match := re.fullmatch(rf"([\w.-]+)[^;]*; *extra *== *['\"]{extra}['\"]", requirement):
            try:
                version(match[1])
            except PackageNotFoundError:
                yield match[1]
