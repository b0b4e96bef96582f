"""Whether a model can be computed with a backend here, and the backend's engine."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, requires, version

from vistry.errors import RegistryError
from vistry.registry.cards import ModelCard
from vistry.training.engines import EngineModule, check_installed, engine_module


def check_backend(card: ModelCard, backend: str) -> None:
    """Check that a model can be computed with a backend here, without importing its tensor library.

    Raises RegistryError where the model lacks the backend, or a package that its plugin needs for it isn't installed,
    and VistryError where the backend's own packages aren't.
    """
    if backend not in card.backends:
        raise RegistryError(f"{card.name} has no backend '{backend}'; use {' or '.join(card.backends)}")
    check_installed(backend)
    # The engine's own packages are there by now; a plugin may need more.
    for package in _missing_packages(card.distribution, backend):
        raise RegistryError(
            f"{card.name} needs {package} for {backend}, which is not installed; "
            f"type: pip install '{card.distribution}[{backend}]'"
        )


def checked_engine_module(card: ModelCard, backend: str) -> EngineModule:
    """Import the module of a backend's engine. Raises as `check_backend` does."""
    check_backend(card, backend)
    return engine_module(backend)


def _missing_packages(distribution: str, extra: str) -> Iterator[str]:
    """Yield the packages that an extra requires unconditionally and that aren't installed."""
    for requirement in requires(distribution) or ():
        if match := re.fullmatch(rf"([\w.-]+)[^;]*; *extra *== *['\"]{extra}['\"]", requirement):
            try:
                version(match[1])
            except PackageNotFoundError:
                yield match[1]
