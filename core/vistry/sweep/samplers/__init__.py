"""Samplers: which trial comes next. Each stands in one table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

from vistry.errors import VistryError, suggestion
from vistry.sweep.protocols import Sampler
from vistry.sweep.request import SamplerRequest
from vistry.sweep.samplers import bayesian
from vistry.sweep.samplers.auto import WITHOUT_OPTUNA, Auto
from vistry.sweep.samplers.grid import Grid
from vistry.sweep.samplers.random_search import RandomSearch
from vistry.sweep.samplers.sobol import Sobol
from vistry.sweep.space import Space

Maker: TypeAlias = Callable[[SamplerRequest, Space], Sampler]

SAMPLERS: Mapping[str, Maker] = {
    "auto": Auto.of,
    "random": RandomSearch.of,
    "sobol": Sobol.of,
    "grid": Grid.of,
    "bayesian": bayesian.Bayesian.of,
}


def sampler_of(request: SamplerRequest, space: Space) -> Sampler:
    """The sampler that a request names. Raises VistryError for one that there isn't, or that can't sample the space."""
    if request.name not in SAMPLERS:
        raise VistryError(f"there is no sampler '{request.name}'; {suggestion(request.name, list(SAMPLERS))}")
    return SAMPLERS[request.name](request, space)


def sampler_note(request: SamplerRequest) -> str:
    """What people should know about a sampler before it begins, "" where there is nothing."""
    return WITHOUT_OPTUNA if request.name == "auto" and not bayesian.is_installed() else ""
