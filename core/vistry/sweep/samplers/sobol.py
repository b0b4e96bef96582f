"""Sobol's sequence, scrambled: points that leave fewer gaps than random ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from vistry.sweep.coordinates import Coordinates, Point
from vistry.sweep.request import SamplerRequest
from vistry.sweep.samplers.drawing import new_suggestion, random_point, seed_of
from vistry.sweep.space import Space, Suggestion
from vistry.sweep.trial import Trial


@dataclass(frozen=True)
class Sobol:
    """Takes trials in turn from a sequence that the seed scrambles (Owen 1998), from trial `after` + 1 on."""

    coordinates: Coordinates
    seed: int
    after: int = 0
    why: str = "sobol"

    @classmethod
    def of(cls, request: SamplerRequest, space: Space) -> Sobol:
        """Make the sampler of a request."""
        return cls(Coordinates(space), request.seed)

    def suggest(self, number: int, trials: Sequence[Trial]) -> Suggestion | None:
        """Take the next point for trial `number`, a random one if it has been tried."""
        return new_suggestion(self.coordinates, trials, lambda attempt: self._point(number, attempt), why=self.why)

    def _point(self, number: int, attempt: int) -> Point:
        if attempt:
            return random_point(self.coordinates, seed_of(self.seed, number, attempt))
        from scipy.stats import qmc

        sequence = qmc.Sobol(self.coordinates.dimensions, rng=self.seed)
        if behind := number - 1 - self.after:
            sequence.fast_forward(behind)
        return self.coordinates.from_units(sequence.random(1)[0].tolist())
