"""Tensor libraries that can train: the loop asks for these few things and knows none of them."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import Any

from vistry.errors import VistryError, suggestion
from vistry.registry.manifest import BACKENDS
from vistry.training.engines.engine import Engine, EngineSettings

__all__ = ["Engine", "EngineSettings", "engine_module", "is_installed"]

_PACKAGES = {"torch": ("torch",), "jax": ("jax", "flax", "optax")}


def engine_module(backend: str) -> Any:
    """The engine's module: `make(...)` and `check(...)`. Raises VistryError where it can't be used."""
    name = f"vistry.training.engines.{backend}.engine"
    if backend not in BACKENDS or find_spec(name) is None:
        raise VistryError(f"there is no engine '{backend}'; {suggestion(backend, BACKENDS)}")
    for package in _missing(backend):
        raise VistryError(f"{package} is not installed; type: pip install 'vistry[{backend}]'")
    return import_module(name)


def is_installed(backend: str) -> bool:
    """Whether all that an engine needs is there; nothing is imported."""
    return not _missing(backend)


def _missing(backend: str) -> list[str]:
    return [package for package in _PACKAGES[backend] if find_spec(package) is None]
