"""What samplers share: seeds of points, and asking again for a trial that there has been."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from vistry.sweep.coordinates import Coordinates, Point
from vistry.sweep.samplers.grid import Grid
from vistry.sweep.space import Suggestion
from vistry.sweep.trial import Trial

ATTEMPTS = 20
OWN_ATTEMPTS = 5  # of a sampler, which may have nothing else to propose; the others are random


def seed_of(seed: int, number: int, attempt: int = 0) -> int:
    """The seed of one attempt at one trial: of 32 bits, and the same in every process."""
    # Python's own hash of a text differs from process to process.
    digest = hashlib.sha256(f"{seed}/{number}/{attempt}".encode()).digest()
    return int.from_bytes(digest[:4], "big")


@dataclass(frozen=True)
class Drawing:
    """Makes suggestions of points of a space."""

    coordinates: Coordinates
    seed: int

    def random_point(self, number: int, attempt: int) -> Point:
        """A point of which each coordinate is uniform."""
        random = np.random.default_rng(seed_of(self.seed, number, attempt))
        return self.coordinates.from_units(random.random(self.coordinates.dimensions).tolist())

    def suggestion(
        self, number: int, trials: Sequence[Trial], draw: Callable[[int], Point], why: str
    ) -> Suggestion | None:
        """What the first attempt draws that no trial has tried; None where all was tried.

        `draw` makes a point for attempt 0, 1, ... After twenty attempts something is left over in a space that has an
        end, and is taken; in one that has none, the last attempt is.
        """
        coordinates, size = self.coordinates, self.coordinates.size
        tried = coordinates.identities(trials)
        if size is not None and len(tried) >= size:
            return None
        for attempt in range(ATTEMPTS):
            point = draw(attempt) if attempt < OWN_ATTEMPTS else self.random_point(number, attempt)
            group, model, values = coordinates.place(point)
            if coordinates.identity(group, model, values) not in tried:
                return Suggestion(group=group, model=model, values=values, why=why)
        last = Suggestion(group=group, model=model, values=values, why=why)
        return last if size is None else self._left_over(tried, why)

    def _left_over(self, tried: set[tuple[object, ...]], why: str) -> Suggestion | None:
        """The first combination that no trial has tried."""
        for one in Grid(self.coordinates.space):
            if self.coordinates.identity(one.group, one.model, one.values) not in tried:
                return Suggestion(group=one.group, model=one.model, values=one.values, why=why)
        return None
