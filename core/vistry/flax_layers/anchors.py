"""Anchors, equal to torchvision's number for number."""

from __future__ import annotations

from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np
import numpy.typing as npt
from jax import Array


class Anchors:
    """The anchors of a pyramid's levels: for each level some sizes in pixels, and some ratios of height to width."""

    def __init__(self, sizes: Sequence[Sequence[int]], ratios: Sequence[float]):
        self._cells = [cell_anchors(level, ratios) for level in sizes]

    @property
    def per_place(self) -> int:
        """How many anchors each place of a map has."""
        return len(self._cells[0])

    def __call__(self, image_size: tuple[int, int], map_sizes: Sequence[tuple[int, int]]) -> list[Array]:
        """Return the anchors [h * w * per_place, 4] of each level in pixels, by row, then column, then anchor.

        Sizes are height and width; those of a map divide the image's, and what is left over counts for nothing.
        """
        return [
            grid_anchors(cells, size, (image_size[0] // size[0], image_size[1] // size[1]))
            for cells, size in zip(self._cells, map_sizes, strict=True)
        ]


def cell_anchors(sizes: Sequence[int], ratios: Sequence[float]) -> npt.NDArray[np.float32]:
    """Return the anchors [R * S, 4] around 0 of one place, by ratio and then size, in whole pixels."""
    heights = np.sqrt(np.asarray(ratios, np.float32))
    widths = 1 / heights
    sides = np.asarray(sizes, np.float32)
    width, height = (np.outer(factors, sides).reshape(-1) for factors in (widths, heights))
    corners = np.stack([-width, -height, width, height], 1) / 2
    return corners.round().astype(np.float32)


def grid_anchors(cells: npt.NDArray[np.float32], size: tuple[int, int], stride: tuple[int, int]) -> Array:
    """Return the anchors [h * w * A, 4] of a map of height and width, whose places are `stride` pixels apart."""
    rows, columns = (jnp.arange(count, dtype=jnp.float32) * step for count, step in zip(size, stride, strict=True))
    y, x = jnp.meshgrid(rows, columns, indexing="ij")
    shifts = jnp.stack([x, y, x, y], -1)
    return (shifts[:, :, None] + cells).reshape(-1, 4)
