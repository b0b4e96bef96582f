"""Random search: each trial is drawn by itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from vistry.sweep.coordinates import Coordinates
from vistry.sweep.request import SamplerRequest
from vistry.sweep.samplers.drawing import new_suggestion, random_point, seed_of
from vistry.sweep.space import Space, Suggestion
from vistry.sweep.trial import Trial


@dataclass(frozen=True)
class RandomSearch:
    """Draws every trial independently of the others; each model of each group is as likely."""

    coordinates: Coordinates
    seed: int

    @classmethod
    def of(cls, request: SamplerRequest, space: Space) -> RandomSearch:
        """Make the sampler of a request."""
        return cls(Coordinates(space), request.seed)

    def suggest(self, number: int, trials: Sequence[Trial]) -> Suggestion | None:
        """Draw trial `number`."""

        def draw(attempt: int) -> dict[str, float]:
            return dict(random_point(self.coordinates, seed_of(self.seed, number, attempt)))

        return new_suggestion(self.coordinates, trials, draw, why="random")
