"""Several rings as one, for formats in which an object has one polygon."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Ring = npt.NDArray[np.float64]


def one_ring(rings: Sequence[npt.NDArray[np.floating]]) -> Ring:
    """Rings [P, 2] joined by lines to and fro, which have no area: the same pixels by the even-odd rule.

    Each is joined where it is nearest to those before it.
    """
    joined = np.asarray(rings[0], dtype=np.float64)
    for ring in rings[1:]:
        other = np.asarray(ring, dtype=np.float64)
        distances = np.square(joined[:, None] - other[None]).sum(axis=2)
        here, there = np.unravel_index(int(distances.argmin()), distances.shape)
        around = np.roll(other, -there, axis=0)
        joined = np.concatenate([joined[: here + 1], around, around[:1], joined[here:]])
    return joined
