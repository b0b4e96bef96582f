"""The tensor libraries that can train: one table, each entry held to one contract."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Protocol

from vistry.errors import VistryError, suggestion
from vistry.plugin.types import Loss, Module, Postprocess
from vistry.training.engines.engine import Engine, EngineSettings
from vistry.training.engines.state import Arrays

__all__ = ["CheckMaps", "Engine", "EngineModule", "EngineSettings", "engine_module", "is_installed"]


CheckMaps = Callable[[Sequence[tuple[int, int, int]] | None, tuple[int, int]], None]
"""`check(shapes, image)`: channels, height and width of each map, None for no list of maps, and the image's size."""


class EngineModule(Protocol):
    """The names that `engines/torch` and `engines/jax` have in common; a module is one of their library."""

    def make(self, module: Module, settings: EngineSettings, loss: Loss | None, postprocess: Postprocess) -> Engine:
        """Make an engine. Without a loss it only predicts."""

    def seed_initialisation(self, seed: int) -> None:
        """Seed what draws the initial weights of a module that is built next."""

    def shapes_of(self, module: Module) -> dict[str, tuple[int, ...]]:
        """Return the shape of each tensor of a module's state, by name."""

    def arrays_of(self, module: Module) -> Arrays:
        """Return a module's tensors by name."""

    def load_arrays(self, module: Module, arrays: Arrays) -> None:
        """Set a module's tensors by name. Raises TrainingError if the names differ."""

    def on_meta_device(self, build: Callable[[], Module]) -> Module:
        """Build a module whose tensors have shapes and no values."""

    def output_shape(self, build: Callable[[], Module], images: tuple[int, int, int, int]) -> tuple[int, ...]:
        """Return the shape of a module's output for images [N, H, W, 3] of this shape; nothing is computed."""

    def with_low_precision(self, module: Module) -> Module:
        """Make a part of a detector compute in the precision of the run; return the part."""

    def with_single_precision(self, module: Module) -> Module:
        """Make a detector compute in float32 but for its parts with low precision; return the detector."""

    def on_first_maps(self, module: Module, check: CheckMaps) -> None:
        """Let the first feature maps of a backbone be checked: in its first forward pass, or at once."""

    def parameter_names(self, module: Module) -> set[str]:
        """Return the names of the tensors that gradients may change; running statistics are not among them."""

    def decayed_names(self, module: Module) -> set[str]:
        """Return the names of the parameters that weight decay applies to."""


@dataclass(frozen=True)
class _Backend:
    """The packages that a backend needs, and the import of its module."""

    packages: tuple[str, ...]
    load: Callable[[], EngineModule]


def _torch() -> EngineModule:
    from vistry.training.engines import torch

    return torch


def _jax() -> EngineModule:
    from vistry.training.engines import jax

    return jax


_BACKENDS = {"torch": _Backend(("torch",), _torch), "jax": _Backend(("jax", "flax", "optax"), _jax)}


def engine_module(backend: str) -> EngineModule:
    """Import an engine's module. Raises VistryError for an unknown backend, or one that isn't installed."""
    check_installed(backend)
    return _BACKENDS[backend].load()


def check_installed(backend: str) -> None:
    """Import nothing. Raises VistryError for an unknown backend, or one whose packages aren't installed."""
    if backend not in _BACKENDS:
        raise VistryError(f"unknown backend '{backend}'; {suggestion(backend, list(_BACKENDS))}")
    for package in _missing(backend):
        raise VistryError(f"{package} is not installed; type: pip install 'vistry[{backend}]'")


def is_installed(backend: str) -> bool:
    """Tell whether the packages of a backend are installed, without importing them."""
    return not _missing(backend)


def _missing(backend: str) -> list[str]:
    return [package for package in _BACKENDS[backend].packages if find_spec(package) is None]
