"""Grid search: every combination of values, one after the other."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, product

from vistry.errors import HyperparameterError, Problem
from vistry.registry.field_spec import Scalar
from vistry.sweep.coordinates import Coordinates
from vistry.sweep.request import SamplerRequest
from vistry.sweep.space import Space, Suggestion
from vistry.sweep.trial import Trial


@dataclass(frozen=True)
class Grid:
    """Goes through the combinations of each model of each group, of which the last hyperparameter changes fastest."""

    space: Space

    @classmethod
    def of(cls, _: SamplerRequest, space: Space) -> Grid:
        """Make one, if every hyperparameter has a last value. Raises HyperparameterError."""
        problems = {
            name: Problem(name, "has no end of values, and grid tries them all", "give choices, such as a,b,c")
            for group in space.groups
            for name, one in group.parameters.items()
            if one.grid() is None
        }
        if problems:
            raise HyperparameterError(list(problems.values()), "grid")
        return cls(space)

    @property
    def size(self) -> int:
        """How many trials there are."""
        return sum(math.prod(map(len, self._grids(place).values())) for place, _ in Coordinates(self.space).arms)

    def __iter__(self) -> Iterator[Suggestion]:
        """Every combination, in order."""
        for place, model in Coordinates(self.space).arms:
            grids = self._grids(place)
            for combination in product(*grids.values()):
                values = dict(zip(grids, combination, strict=True))
                yield Suggestion(group=place, model=model, values=values, why="grid")

    def suggest(self, number: int, trials: Sequence[Trial]) -> Suggestion | None:  # noqa: ARG002
        """The combination at place `number`; None behind the last one."""
        return next(islice(self, number - 1, None), None)

    def _grids(self, place: int) -> dict[str, tuple[Scalar | None, ...]]:
        return {name: one.grid() or () for name, one in self.space.groups[place].parameters.items()}
