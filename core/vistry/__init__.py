"""Vistry: an open, local AutoML for images whose model architectures are plugins."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    __version__: str
    from vistry.errors import VistryError as VistryError
    from vistry.inference.evaluate import evaluate as evaluate
    from vistry.inference.predict import predict as predict
    from vistry.inference.predictor import load as load
    from vistry.queries import create as create
    from vistry.queries import hyperparameters as hyperparameters
    from vistry.queries import layers_to_freeze as layers_to_freeze
    from vistry.queries import model as model
    from vistry.queries import models as models
    from vistry.queries import plugins as plugins
    from vistry.queries import tasks as tasks
    from vistry.training.session import train as train

_HOME = {
    "VistryError": "vistry.errors",
    "create": "vistry.queries",
    "evaluate": "vistry.inference.evaluate",
    "hyperparameters": "vistry.queries",
    "layers_to_freeze": "vistry.queries",
    "load": "vistry.inference.predictor",
    "model": "vistry.queries",
    "models": "vistry.queries",
    "plugins": "vistry.queries",
    "predict": "vistry.inference.predict",
    "tasks": "vistry.queries",
    "train": "vistry.training.session",
}
__all__ = list(_HOME)


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("vistry")
    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    raise AttributeError(f"module 'vistry' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted(["__version__", *globals(), *_HOME])
