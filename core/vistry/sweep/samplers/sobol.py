"""Sobol's sequence, scrambled: points that leave fewer gaps than random ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from vistry.sweep.coordinates import Coordinates, Point
from vistry.sweep.request import SamplerRequest
from vistry.sweep.samplers.drawing import Drawing
from vistry.sweep.space import Space, Suggestion
from vistry.sweep.trial import Trial


@dataclass(frozen=True)
class Sobol:
    """Takes trials in turn from a sequence that the seed scrambles (Owen 1998), from trial `after` + 1 on."""

    drawing: Drawing
    after: int = 0

    @classmethod
    def of(cls, request: SamplerRequest, space: Space) -> Sobol:
        """Make the sampler of a request."""
        return cls(Drawing(Coordinates(space), request.seed))

    def suggest(self, number: int, trials: Sequence[Trial]) -> Suggestion | None:
        """Take the next point for trial `number`, a random one if it has been tried."""

        def draw(attempt: int) -> Point:
            return self.drawing.random_point(number, attempt) if attempt else self._point(number)

        return self.drawing.suggestion(number, trials, draw, why="sobol")

    def _point(self, number: int) -> Point:
        from scipy.stats import qmc

        coordinates = self.drawing.coordinates
        sequence = qmc.Sobol(coordinates.dimensions, seed=self.drawing.seed)
        if behind := number - 1 - self.after:
            sequence.fast_forward(behind)
        return coordinates.from_units(sequence.random(1)[0].tolist())
