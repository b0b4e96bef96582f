"""Pooling over windows. For a mean over the whole map use `x.mean((1, 2))`.

Written with slices, as the gradient of XLA's own window reduction takes five times as long on a processor.
"""

from __future__ import annotations

from functools import reduce

import numpy as np
from jax import Array, lax

from vistry.flax_layers.windows import padded, taps


def max_pool(x: Array, window: int, *, stride: int, padding: int = 0, ceil: bool = False) -> Array:
    """The largest of each window of a map [N, H, W, C]; with `ceil` also of windows that reach over the edge.

    Of equal values the first has the gradient, as in torch.
    """
    sides = [(padding, padding + _overhang(size, window, stride, padding, ceil)) for size in x.shape[1:3]]
    seen = taps(padded(x, sides, -np.inf), (window, window), stride)
    return reduce(lambda largest, other: lax.select(other > largest, other, largest), seen)


def average_pool(x: Array, window: int, *, stride: int, padding: int = 0, ceil: bool = False) -> Array:
    """The mean of each window of a map [N, H, W, C]; the padding's zeros count, what lies beyond it does not."""
    x = padded(x, [(padding, padding)] * 2)
    sides = [(0, _overhang(size, window, stride, 0, ceil)) for size in x.shape[1:3]]
    inside = np.pad(np.ones((1, *x.shape[1:3], 1), x.dtype), ((0, 0), *sides, (0, 0)))
    total: Array = reduce(lax.add, taps(padded(x, sides), (window, window), stride))
    counts = np.lib.stride_tricks.sliding_window_view(inside, (window, window), (1, 2))[:, ::stride, ::stride]
    mean: Array = total / counts.sum((-2, -1), dtype=x.dtype)
    return mean


def _overhang(size: int, window: int, stride: int, padding: int, ceil: bool) -> int:
    """Pixels to add at the end so that a last window, which has to begin on the map, is whole."""
    if not ceil:
        return 0
    steps = -(-(size + 2 * padding - window) // stride)
    if steps * stride >= size + padding:
        steps -= 1
    return max(0, steps * stride + window - size - 2 * padding)
