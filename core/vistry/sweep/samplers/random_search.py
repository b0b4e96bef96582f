"""Random search: each trial is drawn by itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from vistry.sweep.coordinates import Coordinates
from vistry.sweep.request import SamplerRequest
from vistry.sweep.samplers.drawing import Drawing
from vistry.sweep.space import Space, Suggestion
from vistry.sweep.trial import Trial


@dataclass(frozen=True)
class RandomSearch:
    """Draws every trial independently of the others; each model of each group is as likely."""

    drawing: Drawing

    @classmethod
    def of(cls, request: SamplerRequest, space: Space) -> RandomSearch:
        """Make the sampler of a request."""
        return cls(Drawing(Coordinates(space), request.seed))

    def suggest(self, number: int, trials: Sequence[Trial]) -> Suggestion | None:
        """Draw trial `number`."""
        draw = self.drawing
        return draw.suggestion(number, trials, lambda attempt: draw.random_point(number, attempt), why="random")
