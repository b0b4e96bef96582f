"""The terms that both stages of a detector have: means over what counts, and the loss of boxes."""

from __future__ import annotations

from collections.abc import Sequence

import jax.numpy as jnp
from jax import Array

from vistry.flax_layers.boxes import encode_boxes
from vistry.flax_layers.region_sampling import Sample

SMOOTH_BELOW = 1 / 9  # torchvision's beta


def mean_over(counts: Array, values: Array) -> Array:
    """Return the mean of the values that count, 0 if none does; `counts` may have less than their shape."""
    counts = jnp.broadcast_to(counts, values.shape)
    return jnp.where(counts, values, 0).sum() / jnp.maximum(counts.sum(), 1)


def box_loss(
    offsets: Array, boxes: Array, references: Array, sample: Sample, weights: Sequence[float] = (1.0, 1.0, 1.0, 1.0)
) -> Array:
    """Return the smooth L1 loss (Girshick, 2015) of positive regions' offsets, over the number of all that count.

    Args:
        offsets: [N, K, 4] as the network says them.
        boxes: [N, K, 4] the objects' boxes.
        references: [N, K, 4] what the offsets are from.
        sample: which of these regions count, and which of those are positive.
        weights: those of `encode_boxes`.
    """
    is_positive = sample.is_positive[..., None]
    # What isn't an object's may have no area; its offsets would not be finite, nor would their gradients.
    unit = jnp.array([0, 0, 1, 1], jnp.float32)
    boxes, references = (jnp.where(is_positive, values, unit) for values in (boxes, references))
    losses = smooth_l1(offsets - encode_boxes(boxes, references, weights))
    return jnp.where(is_positive, losses, 0).sum() / jnp.maximum(sample.counts.sum(), 1)


def smooth_l1(difference: Array) -> Array:
    """Return half the square of small differences, in units of `SMOOTH_BELOW`, and the absolute value of others."""
    size = jnp.abs(difference)
    return jnp.where(size < SMOOTH_BELOW, 0.5 * size**2 / SMOOTH_BELOW, size - 0.5 * SMOOTH_BELOW)
