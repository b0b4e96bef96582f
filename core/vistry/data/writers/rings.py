"""Whether the rings of one object may overlap, so that adding up and cancelling out differ."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
import numpy.typing as npt

Ring = npt.NDArray[np.floating]


def overlap(rings: Sequence[Ring]) -> bool:
    """Whether the boxes around two of the rings [P, 2] come within a pixel of each other."""
    boxes = [(ring.min(axis=0), ring.max(axis=0)) for ring in rings]
    return any(
        bool(np.all(low - 1 <= other_high) and np.all(other_low <= high + 1))
        for (low, high), (other_low, other_high) in combinations(boxes, 2)
    )
