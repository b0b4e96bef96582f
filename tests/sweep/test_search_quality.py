"""The pitfall of all pitfalls: a sampler that learns from scores at rungs can be worse than none."""

from __future__ import annotations

from types import ModuleType

import numpy as np
import pytest
from vistry.sweep.early_termination import termination_of
from vistry.sweep.request import SamplerRequest, TerminationRequest
from vistry.sweep.samplers import sampler_of


def regrets_of(surface: ModuleType, sampler: str, budget: float, seeds: int) -> list[float]:
    space, regrets = surface.default_space(), []
    for seed in range(seeds):
        proposer = sampler_of(SamplerRequest(name=sampler, seed=seed), space)
        sweep = surface.Sweep(
            surface.Surface(seed % 12), space, proposer, termination_of(TerminationRequest(), space), seed=seed
        )
        sweep.run(budget * surface.cost_of_training())
        regrets.append(sweep.curves.best - sweep.chosen())
    return regrets


def test_the_default_search_is_no_worse_than_random_with_the_same_stopping(surface: ModuleType) -> None:
    learned, blind = (np.array(regrets_of(surface, name, 20, 4)) for name in ("auto", "random"))
    assert learned.mean() <= blind.mean() + 0.01


@pytest.mark.long
def test_nor_is_it_in_a_long_sweep(surface: ModuleType) -> None:
    learned, blind = (np.array(regrets_of(surface, name, 40, 12)) for name in ("auto", "random"))
    difference = learned - blind
    assert difference.mean() <= 2 * difference.std(ddof=1) / np.sqrt(len(difference))
    assert learned.mean() < 0.04, "a sampler that has locked on to a wrong model has 0.05"
