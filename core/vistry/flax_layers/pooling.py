"""Windows that slide over maps, and pooling over them. For a mean over the whole map use `x.mean((1, 2))`.

Written with slices, as the gradient of XLA's own window reduction takes five times as long on a processor.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

import numpy as np
from jax import Array, lax


def padded(x: Array, sides: Sequence[tuple[int, int]], value: float = 0.0) -> Array:
    """Pad x [N, H, W, C] with a value; `sides`: the pixels before and after it along H, and along W."""
    return lax.pad(
        x, np.array(value, x.dtype), ((0, 0, 0), *((before, after, 0) for before, after in sides), (0, 0, 0))
    )


def taps(x: Array, window: tuple[int, ...], stride: int) -> list[Array]:
    """Return a map [N, H', W', C] for each position in a window that slides over x [N, H, W, C], row by row.

    It has the value under that position for each place of the window.
    """
    batch, height, width, channels = x.shape
    rows, columns = window
    down, right = (height - rows) // stride * stride, (width - columns) // stride * stride
    return [
        lax.slice(x, (0, row, column, 0), (batch, row + down + 1, column + right + 1, channels), (1, stride, stride, 1))
        for row in range(rows)
        for column in range(columns)
    ]


def max_pool(x: Array, window: int, *, stride: int, padding: int = 0, ceil: bool = False) -> Array:
    """Return the largest value of each window of a map [N, H, W, C].

    `ceil`: count the windows that reach over the edge, too.

    Of equal values the first has the gradient, as in torch.
    """
    sides = [
        (padding, padding + _overhang(size, window, stride=stride, padding=padding, ceil=ceil)) for size in x.shape[1:3]
    ]
    values = taps(padded(x, sides, -np.inf), (window, window), stride)
    return reduce(lambda largest, other: lax.select(other > largest, other, largest), values)


def average_pool(x: Array, window: int, *, stride: int, padding: int = 0, ceil: bool = False) -> Array:
    """Return the mean of each window of a map [N, H, W, C]; zeros of the padding count, as in torch.

    `ceil`: count the windows that reach over the edge, too. What lies beyond the padding isn't part of a mean.
    """
    x = padded(x, [(padding, padding)] * 2)
    sides = [(0, _overhang(size, window, stride=stride, padding=0, ceil=ceil)) for size in x.shape[1:3]]
    inside = np.pad(np.ones((1, *x.shape[1:3], 1), x.dtype), ((0, 0), *sides, (0, 0)))
    total: Array = reduce(lax.add, taps(padded(x, sides), (window, window), stride))
    counts = np.lib.stride_tricks.sliding_window_view(inside, (window, window), (1, 2))[:, ::stride, ::stride]
    mean: Array = total / counts.sum((-2, -1), dtype=x.dtype)
    return mean


def _overhang(size: int, window: int, stride: int, padding: int, ceil: bool) -> int:
    """Return the pixels to add at the end to complete the last window, which must begin on the map or its padding."""
    if not ceil:
        return 0
    steps = -(-(size + 2 * padding - window) // stride)
    if steps * stride >= size + padding:
        steps -= 1
    return max(0, steps * stride + window - size - 2 * padding)
