"""The engine of a backend, if a model can be computed with it here."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, requires, version

from vistry.errors import RegistryError
from vistry.registry.cards import ModelCard
from vistry.training.engines import EngineModule, engine_module


def checked_engine_module(card: ModelCard, backend: str) -> EngineModule:
    """Return the module of a backend's engine.

    Raises RegistryError where the model lacks the backend, or a package that its plugin needs for it isn't installed.
    """
    if backend not in card.backends:
        raise RegistryError(f"{card.name} has no backend '{backend}'; use {' or '.join(card.backends)}")
    module = engine_module(backend)
    # The engine's own packages are there by now; a plugin may need more.
    for package in _missing_packages(card.distribution, backend):
        raise RegistryError(
            f"{card.name} needs {package} for {backend}, which is not installed; "
            f"type: pip install '{card.distribution}[{backend}]'"
        )
    return module


def _missing_packages(distribution: str, extra: str) -> Iterator[str]:
    """Yield the packages that an extra requires unconditionally and that aren't installed."""
    for requirement in requires(distribution) or ():
        if match := re.fullmatch(rf"([\w.-]+)[^;]*; *extra *== *['\"]{extra}['\"]", requirement):
            try:
                version(match[1])
            except PackageNotFoundError:
                yield match[1]
