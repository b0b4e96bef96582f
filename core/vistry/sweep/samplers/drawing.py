"""What samplers share: seeds of points, and asking again for a trial that there has been."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence

import numpy as np

from vistry.sweep.coordinates import Coordinates, Point
from vistry.sweep.space import Suggestion
from vistry.sweep.trial import Trial

ATTEMPTS = 20


def seed_of(seed: int, number: int, attempt: int = 0) -> int:
    """The seed of one attempt at one trial: of 32 bits, and the same in every process."""
    digest = hashlib.sha256(f"{seed}/{number}/{attempt}".encode()).digest()
    return int.from_bytes(digest[:4], "big")


def random_point(coordinates: Coordinates, seed: int) -> Point:
    """A point of which each coordinate is uniform."""
    return coordinates.from_units(np.random.default_rng(seed).random(coordinates.dimensions).tolist())


def new_suggestion(
    coordinates: Coordinates, trials: Sequence[Trial], draw: Callable[[int], Point], why: str
) -> Suggestion | None:
    """What the first attempt draws that no trial has tried, after twenty the last one; None where all was tried."""
    tried = coordinates.identities(trials)
    if coordinates.size is not None and len(tried) >= coordinates.size:
        return None
    for attempt in range(ATTEMPTS):
        group, model, values = coordinates.place(draw(attempt))
        if coordinates.identity(group, model, values) not in tried:
            break
    return Suggestion(group=group, model=model, values=values, why=why)
