"""Lists of differing lengths, one after the other in one array: starts [N + 1] and values [M]."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

Starts = npt.NDArray[np.int64]


def offsets_from_counts(counts: npt.ArrayLike | Iterable[int]) -> Starts:
    """[N + 1] where each list starts, from their [N] lengths."""
    lengths = np.asarray(counts, dtype=np.int64)
    return np.concatenate(([0], np.cumsum(lengths))).astype(np.int64)


def segment_ids(starts: Starts) -> Starts:
    """[M] the list that each value belongs to."""
    return np.repeat(np.arange(len(starts) - 1), np.diff(starts))


def element_indices(starts: Starts, rows: Starts) -> Starts:
    """Where the values of these lists lie, one list after the other."""
    counts = np.diff(starts)[rows]
    ends = np.cumsum(counts)
    return np.repeat(starts[:-1][rows] - (ends - counts), counts) + np.arange(counts.sum())


def take_segments(starts: Starts, values: npt.NDArray[Any], rows: Starts) -> tuple[Starts, npt.NDArray[Any]]:
    """Starts and values of these lists, in this order."""
    return offsets_from_counts(np.diff(starts)[rows]), values[element_indices(starts, rows)]


def segment_bounds(starts: Starts, values: npt.NDArray[Any]) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """[N, ...] the least and the greatest value of each list; infinity and minus infinity of an empty one."""
    shape = (len(starts) - 1, *values.shape[1:])
    least, greatest = np.full(shape, np.inf), np.full(shape, -np.inf)
    filled = np.flatnonzero(np.diff(starts))
    if len(filled):
        least[filled] = np.minimum.reduceat(values, starts[filled])
        greatest[filled] = np.maximum.reduceat(values, starts[filled])
    return least, greatest
