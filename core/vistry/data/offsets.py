"""Ragged arrays: N segments of differing lengths, one after the other in `values` [M], and their `offsets` [N + 1].

Segment i is `values[offsets[i]:offsets[i + 1]]`, as in a CSR matrix.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

import numpy as np
import numpy.typing as npt

Offsets = npt.NDArray[np.int64]
Scalar = TypeVar("Scalar", bound=np.generic)


def offsets_from_counts(counts: npt.ArrayLike | Iterable[int]) -> Offsets:
    """[N + 1] where each list offsets, from their [N] lengths."""
    lengths = np.asarray(counts, dtype=np.int64)
    return np.concatenate(([0], np.cumsum(lengths))).astype(np.int64)


def segment_ids(offsets: Offsets) -> Offsets:
    """[M] the segment that each value belongs to."""
    return np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))


def element_indices(offsets: Offsets, segments: Offsets) -> Offsets:
    """The indices into `values` of all elements of these segments, one segment after the other."""
    counts = np.diff(offsets)[segments]
    ends = np.cumsum(counts)
    return np.repeat(offsets[:-1][segments] - (ends - counts), counts) + np.arange(counts.sum())


def take_segments(
    offsets: Offsets, values: npt.NDArray[Scalar], segments: Offsets
) -> tuple[Offsets, npt.NDArray[Scalar]]:
    """Offsets and values of these lists, in this order."""
    return offsets_from_counts(np.diff(offsets)[segments]), values[element_indices(offsets, segments)]


def segment_bounds(
    offsets: Offsets, values: npt.NDArray[np.floating]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """[N, ...] the least and the greatest value of each segment; infinity and minus infinity for an empty one."""
    shape = (len(offsets) - 1, *values.shape[1:])
    least, greatest = np.full(shape, np.inf), np.full(shape, -np.inf)
    # `reduceat` gives the next segment's first value for an empty one, so only filled segments are asked.
    filled = np.flatnonzero(np.diff(offsets))
    if len(filled):
        least[filled] = np.minimum.reduceat(values, offsets[filled])
        greatest[filled] = np.maximum.reduceat(values, offsets[filled])
    return least, greatest
