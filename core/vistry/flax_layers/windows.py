"""Sliding windows over maps."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jax import Array, lax


def padded(x: Array, sides: Sequence[tuple[int, int]], value: float = 0.0) -> Array:
    """x [N, H, W, C] with `sides`, pixels before and after along H and along W, filled with a value."""
    return lax.pad(
        x, np.array(value, x.dtype), ((0, 0, 0), *((before, after, 0) for before, after in sides), (0, 0, 0))
    )


def taps(x: Array, window: tuple[int, ...], stride: int) -> list[Array]:
    """What each place of a window sees as the window slides over x [N, H, W, C], row by row: each [N, H', W', C]."""
    batch, height, width, channels = x.shape
    rows, columns = window
    down, right = (height - rows) // stride * stride, (width - columns) // stride * stride
    return [
        lax.slice(x, (0, row, column, 0), (batch, row + down + 1, column + right + 1, channels), (1, stride, stride, 1))
        for row in range(rows)
        for column in range(columns)
    ]
