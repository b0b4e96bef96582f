"""Boxes x1, y1, x2, y2 as offsets from others and within images, by Girshick et al. (2014), appendix C."""

from __future__ import annotations

import math
from collections.abc import Sequence

import jax.numpy as jnp
from jax import Array

LARGEST_GROWTH = math.log(1000 / 16)
"""Of a side's logarithm, as in torchvision: what an untrained network says must not overflow."""

_ONES = (1.0, 1.0, 1.0, 1.0)


def encode_boxes(boxes: Array, references: Array, weights: Sequence[float] = _ONES) -> Array:
    """Return the offsets [..., 4] that make of each reference [..., 4] its box [..., 4], times `weights`.

    A shift of the centre is a share of the reference's side; a side's change is the logarithm of its ratio, which is
    not finite for a box without area.
    """
    centre, size = _centre_and_size(boxes)
    reference_centre, reference_size = _centre_and_size(references)
    shift = (centre - reference_centre) / reference_size
    return jnp.concatenate([shift, jnp.log(size / reference_size)], -1) * jnp.array(weights, jnp.float32)


def decode_boxes(offsets: Array, references: Array, weights: Sequence[float] = _ONES) -> Array:
    """Return the boxes [..., 4] that `encode_boxes` gave the offsets of; no side grows more than 62.5 times."""
    offsets = offsets / jnp.array(weights, offsets.dtype)
    reference_centre, reference_size = _centre_and_size(references)
    centre = offsets[..., :2] * reference_size + reference_centre
    half = 0.5 * jnp.exp(jnp.minimum(offsets[..., 2:], LARGEST_GROWTH)) * reference_size
    return jnp.concatenate([centre - half, centre + half], -1)


def clip_boxes(boxes: Array, sizes: Array) -> Array:
    """Return boxes [N, ..., 4] within images of height and width `sizes` [N, 2]."""
    limits = jnp.tile(sizes[:, ::-1], 2).astype(boxes.dtype)
    return jnp.clip(boxes, 0, limits.reshape(len(boxes), *(1,) * (boxes.ndim - 2), 4))


def box_iou(box: Array, others: Array) -> Array:
    """Return the IoU [A] of a box [4] with others [A, 4]."""
    shared = _area(jnp.maximum(box[:2], others[:, :2]), jnp.minimum(box[2:], others[:, 2:]))
    overlap: Array = shared / (_area(box[:2], box[2:]) + _area(others[:, :2], others[:, 2:]) - shared)
    return overlap


def _area(first: Array, last: Array) -> Array:
    sides = jnp.maximum(last - first, 0)
    return sides[..., 0] * sides[..., 1]


def _centre_and_size(boxes: Array) -> tuple[Array, Array]:
    size = boxes[..., 2:] - boxes[..., :2]
    return boxes[..., :2] + 0.5 * size, size
