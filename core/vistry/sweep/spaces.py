"""The space of a sweep: what was asked for, checked against the schema of every model, all problems at once."""

from __future__ import annotations

from vistry.registry.catalogue import Catalogue
from vistry.sweep.request import SweepRequest
from vistry.sweep.space import Space


def space_of(request: SweepRequest, catalogue: Catalogue, task: str) -> Space:
    """The space of a sweep for a task. Raises HyperparameterError with every problem, RegistryError for a model."""
    raise NotImplementedError
