"""RoIAlign (He et al., 2017) as torchvision computes it, with shapes that are known before it runs.

A value that is pooled is a weighted sum of the 4 pixels around each of some samples. The samples of a bin are a grid,
so pixels and weights are found along each axis by itself.
"""

from __future__ import annotations

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

SAMPLES = 2
"""Samples of a bin of maps along each side, as in torchvision's detectors."""

# A region of CANONICAL_SIDE pixels is pooled from the map of stride 2 ** CANONICAL_LEVEL.
CANONICAL_SIDE, CANONICAL_LEVEL = 224, 4
_EPSILON = 1e-6  # torchvision's, so that rounding doesn't move a region of exactly that size

# Masks that are cut at a time: enough to be fast, few enough to fit in memory.
_CUT_TOGETHER = 8


def pool_regions(maps: Sequence[Array], boxes: Array, strides: Sequence[int], side: int) -> Array:
    """Pool maps in boxes: to [N, K, side, side, C], in float32.

    Each box is pooled from the map that fits its size. There are no gradients for boxes.

    Args:
        maps: [N, h, w, C] at each stride, from fine to coarse.
        boxes: [N, K, 4] x1, y1, x2, y2 in pixels of the images.
        strides: powers of two.
        side: bins along each side of a region.
    """
    images, count = boxes.shape[:2]
    table = jnp.concatenate([one.astype(jnp.float32).reshape(-1, one.shape[3]) for one in maps])
    index, weights = _corners(lax.stop_gradient(boxes), maps, strides, side=side)
    return _weighted_rows(table, index, weights).reshape(images, count, side, side, -1)


def cut_masks(masks: Array, objects: Array, boxes: Array, sizes: Array, side: int) -> Array:
    """Cut each mask in a box to [N, K, side, side]: the share of each bin that it covers, as torchvision's RoIAlign.

    Args:
        masks: [N, M, H, W] of 0 and 1, each in the upper left of its place.
        objects: [N, K] which of its image's M masks each box is of.
        boxes: [N, K, 4] x1, y1, x2, y2 in pixels, within the images.
        sizes: [N, 2] the height and width of each image.
        side: bins along each side of a box.
    """
    images, count = objects.shape
    number, height, width = masks.shape[1:]
    of_all = masks.reshape(-1, height, width)

    def cut(one: tuple[Array, Array, Array]) -> Array:
        index, (left, top, right, bottom), (rows, columns) = one
        mask = of_all[index].astype(jnp.float32)
        down = _bin_weights(top, bottom, rows, side=side, length=height)
        across = _bin_weights(left, right, columns, side=side, length=width)
        return down @ mask @ across.T

    index = jnp.arange(images)[:, None] * number + objects
    of_boxes = index.reshape(-1), boxes.reshape(-1, 4), jnp.repeat(sizes, count, 0)
    cuts: Array = lax.map(cut, of_boxes, batch_size=_CUT_TOGETHER)
    return cuts.reshape(images, count, side, side)


def pyramid_levels(boxes: Array, strides: Sequence[int]) -> Array:
    """Return which of the maps at these strides each box [..., 4] is pooled from: Lin et al., 2017, equation 1."""
    first, last = np.log2(strides[0]), np.log2(strides[-1])
    side = jnp.sqrt((boxes[..., 2] - boxes[..., 0]) * (boxes[..., 3] - boxes[..., 1]))
    level = jnp.floor(CANONICAL_LEVEL + jnp.log2(side / CANONICAL_SIDE) + _EPSILON)
    levels: Array = (jnp.clip(level, first, last) - first).astype(jnp.int32)
    return levels


def _corners(boxes: Array, maps: Sequence[Array], strides: Sequence[int], side: int) -> tuple[Array, Array]:
    """Return the rows of all maps in sequence that are summed for each bin, and their weights: [bins, corners]."""
    levels = pyramid_levels(boxes, strides)
    shapes = np.array([one.shape[:3] for one in maps], np.int32)
    starts = np.cumsum(shapes.prod(1)) - shapes.prod(1)
    heights, widths = jnp.asarray(shapes[:, 1])[levels], jnp.asarray(shapes[:, 2])[levels]
    first = jnp.asarray(starts.astype(np.int32))[levels] + jnp.arange(len(boxes))[:, None] * heights * widths
    scaled = boxes / jnp.asarray(strides, jnp.float32)[levels][..., None]
    left, top, right, bottom = jnp.moveaxis(scaled, -1, 0)
    y, y_weights = _pixels(_samples(top, bottom, side, count=SAMPLES), heights[..., None, None])
    x, x_weights = _pixels(_samples(left, right, side, count=SAMPLES), widths[..., None, None])
    # [images, boxes, bins down, bins across, samples down, samples across, corners down, corners across]
    y, y_weights = (values[:, :, :, None, :, None, :, None] for values in (y, y_weights))
    x, x_weights = (values[:, :, None, :, None, :, None, :] for values in (x, x_weights))
    first, widths = (values.reshape(*values.shape, *(1,) * 6) for values in (first, widths))
    corners = (SAMPLES * 2) ** 2
    index = first + y * widths + x
    return index.reshape(-1, corners), (y_weights * x_weights).reshape(-1, corners) / SAMPLES**2


def _samples(start: Array, end: Array, bins: int, count: int) -> Array:
    """Return the places of the samples along one axis of boxes [...]: [..., bins, count]."""
    size = jnp.maximum(end - start, 1)[..., None, None] / bins
    return start[..., None, None] + np.arange(bins)[:, None] * size + (np.arange(count) + 0.5) * size / count


def _pixels(places: Array, length: Array) -> tuple[Array, Array]:
    """Return the two pixels around each place along an axis of so many pixels, and their weights: [..., 2] each.

    A place more than a pixel outside has no weight; one less far has the outermost pixel's value.
    """
    is_inside = (places >= -1) & (places <= length)
    last = jnp.asarray(length - 1, places.dtype)
    low = jnp.minimum(jnp.floor(jnp.maximum(places, 0)), last)
    share = jnp.where(low >= last, 0.0, jnp.maximum(places, 0) - low)
    pixels = jnp.stack([low, jnp.minimum(low + 1, last)], -1).astype(jnp.int32)
    return pixels, jnp.stack([1 - share, share], -1) * is_inside[..., None]


def _bin_weights(start: Array, end: Array, size: Array, side: int, length: int) -> Array:
    """Return the weight of each of `length` pixels in each bin of one box along an axis: [side, length].

    A bin has as many samples as it is long in pixels, rounded up, as torchvision takes where it isn't told how many.
    """
    bin_size = jnp.maximum(end - start, 1) / side
    count = jnp.ceil(bin_size)
    sample = np.arange(-(-length // side) + 1)
    places = start + np.arange(side)[:, None] * bin_size + (sample + 0.5) * bin_size / count
    pixels, weights = _pixels(places, size)
    weights = jnp.where(sample < count, 1 / count, 0.0)[:, None] * weights
    bins = np.arange(side)[:, None, None]
    return jnp.zeros((side, length)).at[bins, pixels].add(weights)


@jax.custom_vjp
def _weighted_rows(table: Array, index: Array, weights: Array) -> Array:
    """Return the sum [B, C] of rows `index` [B, S] of a table [R, C], each times its weight [B, S].

    Written a corner at a time, which XLA makes one loop of: as a sum over an axis it takes ten times as long on a
    processor.
    """
    total = jnp.zeros((len(index), table.shape[1]), table.dtype)
    for corner in range(index.shape[1]):
        total = total + weights[:, corner, None] * table[index[:, corner]]
    return total


def _weighted_rows_forward(table: Array, index: Array, weights: Array) -> tuple[Array, tuple[Array, Array, Array]]:
    # An empty part of the table carries its size.
    return _weighted_rows(table, index, weights), (table[:, :0], index, weights)


def _weighted_rows_backward(residuals: tuple[Array, Array, Array], gradient: Array) -> tuple[Array, None, None]:
    """Add to each row of the table, in place, what came of it; boxes have no gradient."""
    empty, index, weights = residuals
    rows = jnp.zeros((len(empty), gradient.shape[1]), gradient.dtype)

    def add(corner: Array, rows: Array) -> Array:
        return rows.at[index[:, corner]].add(weights[:, corner, None] * gradient)

    return lax.fori_loop(0, index.shape[1], add, rows), None, None


_weighted_rows.defvjp(_weighted_rows_forward, _weighted_rows_backward)
