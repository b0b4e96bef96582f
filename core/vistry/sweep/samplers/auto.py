"""The default search: each model's default, a few even points, then what is likely to be better, and surprises."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from vistry.sweep.coordinates import Coordinates
from vistry.sweep.request import SamplerRequest
from vistry.sweep.samplers import bayesian
from vistry.sweep.samplers.drawing import Drawing
from vistry.sweep.samplers.random_search import RandomSearch
from vistry.sweep.samplers.sobol import Sobol
from vistry.sweep.space import Space, Suggestion
from vistry.sweep.trial import Trial

RANDOM_EVERY = 4  # so that no belief of the estimator's is for ever
WITHOUT_OPTUNA = f"Optuna isn't installed, so trials are taken from Sobol's sequence; for better ones: {bayesian.EXTRA}"


@dataclass(frozen=True)
class Auto:
    """Tries every default first, which is worth more than any way of sampling; then learns from all trials.

    Sobol's sequence goes on to trial 10, and without Optuna for ever. Every fourth trial after it is random.
    """

    drawing: Drawing

    @classmethod
    def of(cls, request: SamplerRequest, space: Space) -> Auto:
        """Make the sampler of a request."""
        return cls(Drawing(Coordinates(space), request.seed))

    def suggest(self, number: int, trials: Sequence[Trial]) -> Suggestion | None:
        """Propose trial `number`."""
        if number <= len(self.defaults):
            return self.defaults[number - 1]
        if number <= bayesian.FIRST_POINTS or not bayesian.is_installed():
            return Sobol(self.drawing, after=len(self.defaults)).suggest(number, trials)
        if number % RANDOM_EVERY == 0:
            return RandomSearch(self.drawing).suggest(number, trials)
        return bayesian.Bayesian(self.drawing).learned(number, trials)

    @cached_property
    def defaults(self) -> tuple[Suggestion, ...]:
        """What the space says comes first, else the default of each model, as near as each of its groups allows."""
        if first := self.drawing.coordinates.space.first:
            return first
        suggestions: dict[tuple[object, ...], Suggestion] = {}
        coordinates = self.drawing.coordinates
        for group, model in coordinates.arms:
            values, is_own = coordinates.default(group, model)
            why = f"default of {model.rpartition('/')[2]}" + ("" if is_own else ", as near as the space allows")
            # Two groups may allow the same default of a model, which is tried once.
            _, *same = coordinates.identity(group, model, values)
            suggestions.setdefault(tuple(same), Suggestion(group=group, model=model, values=values, why=why))
        return tuple(suggestions.values())
