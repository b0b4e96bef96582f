"""Find the polygon rings that cross themselves."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from vistry.data.offsets import Offsets, element_indices

# Bounds the memory: this many pairs of edges are compared at once.
MAX_PAIRS = 1 << 16
# A corner this close to an edge, relative to the ring's extent, lies on it: float32 has 7 decimal digits.
ROUNDING = 1e-6
Corners = npt.NDArray[np.floating]
Crossing = npt.NDArray[np.bool_]


def crossing_rings(point_starts: Offsets, points: Corners) -> Crossing:
    """[R] True where two edges of a ring cross in their insides; rings that only touch themselves don't.

    Rings of equal length are looked at together, every pair of edges.
    """
    counts = np.diff(point_starts)
    crossing = np.zeros(len(counts), dtype=bool)
    for count in np.unique(counts[counts > 3]).tolist():
        rings = np.flatnonzero(counts == count)
        step = max(1, MAX_PAIRS // (count * count))
        for first in range(0, len(rings), step):
            chunk = rings[first : first + step]
            crossing[chunk] = _crossing(points[element_indices(point_starts, chunk)].reshape(len(chunk), count, 2))
    return crossing


def _crossing(rings: Corners) -> Crossing:
    """[R] for rings [R, P, 2]: each end of one edge lies on the other side of the other edge, both ways round."""
    corners = (rings - rings[:, :1]).astype(np.float32)
    along = np.roll(corners, -1, axis=1) - corners
    side_of_begin = _sides(corners, along)
    parted = side_of_begin * np.roll(side_of_begin, -1, axis=2) < 0
    crossing: Crossing = np.any(parted & parted.transpose(0, 2, 1), axis=(1, 2))
    return crossing


def _sides(corners: Corners, along: Corners) -> npt.NDArray[np.int8]:
    """[R, edge, corner] on which side of an edge a corner lies, by the cross product: -1, 0 (as good as on it) or 1."""
    x, y = corners[..., 0], corners[..., 1]
    normals = np.stack([-along[..., 1], along[..., 0], along[..., 1] * x - along[..., 0] * y], axis=2)
    cross = np.matmul(normals, np.stack([x, y, np.ones_like(x)], axis=1))
    extent = np.abs(corners).max(axis=(1, 2))[:, None] * np.abs(along).max(axis=2)
    slack = (ROUNDING * extent)[:, :, None]
    sides: npt.NDArray[np.int8] = (cross > slack).astype(np.int8) - (cross < -slack).astype(np.int8)
    return sides
