"""Maps of several sizes side by side on one, so that a convolution over all of them is one and not one for each.

A head is the same at every level of a pyramid, and a program has a convolution and a gradient for each size of map. On
one map it is compiled in a fraction of the time, and the small levels cost what their pixels do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import jax.numpy as jnp
import numpy as np
from jax import Array


@dataclass(frozen=True)
class Atlas:
    """Where maps of some sizes are on one of height and width `size`, with pixels of nothing between them.

    The first is above, and the others are side by side below it. `places`: row, column, height and width of each.
    """

    size: tuple[int, int]
    places: tuple[tuple[int, int, int, int], ...]

    @classmethod
    def of(cls, sizes: Sequence[tuple[int, int]], gap: int = 1) -> Atlas:
        """Place maps of these heights and widths, as many pixels apart as a kernel reaches beyond its centre."""
        (height, width), *others = sizes
        places = [(0, 0, height, width)]
        column = 0
        for size in others:
            places.append((height + gap, column, *size))
            column += size[1] + gap
        rows = max(row + place_height for row, _, place_height, _ in places)
        return cls((rows, max(width, column - gap)), tuple(places))

    def join(self, maps: Sequence[Array]) -> Array:
        """Maps [N, h, w, C] to one [N, H, W, C], which is 0 between them."""
        images, _, _, channels = maps[0].shape
        joined = jnp.zeros((images, *self.size, channels), maps[0].dtype)
        for (row, column, height, width), one in zip(self.places, maps, strict=True):
            joined = joined.at[:, row : row + height, column : column + width].set(one)
        return joined

    def clear(self, x: Array) -> Array:
        """Make a map [N, H, W, C] 0 between its parts: the next convolution has to find padding there."""
        return x * self._inside.astype(x.dtype)

    def split(self, x: Array) -> list[Array]:
        """A map [N, H, W, C] to its parts [N, h, w, C]."""
        return [x[:, row : row + height, column : column + width] for row, column, height, width in self.places]

    @cached_property
    def _inside(self) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
        inside = np.zeros((*self.size, 1), np.float32)
        for row, column, height, width in self.places:
            inside[row : row + height, column : column + width] = 1
        return inside
