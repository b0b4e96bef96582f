"""RetinaNet's loss terms in JAX, for batches of one shape whatever they hold."""

from __future__ import annotations

from collections.abc import Mapping

import jax
import jax.numpy as jnp
from jax import Array
from vistry.flax_layers import at_matches, current_valid_rows, encode_boxes, match_boxes

from vistry_retinanet.architecture import ALPHA, GAMMA, OVERLAPS


def detection_loss(logits: Array, offsets: Array, anchors: Array, targets: Mapping[str, Array]) -> dict[str, Array]:
    """Return the terms `classification` and `bbox_regression` of the logits [N, A, K] and the offsets [N, A, 4].

    `anchors` [A, 4]. `targets`: `boxes` [N, M, 4] x1, y1, x2, y2 in pixels and `labels` [N, M], -1 where there is no
    object. Each term is summed over anchors and divided by the number of those with an object, then the mean over
    images; rows that are padding of the batch don't count.
    """
    labels = targets["labels"]
    matches = match_boxes(targets["boxes"], labels >= 0, anchors, OVERLAPS, every_object=True)
    is_matched = matches >= 0
    classes = jnp.where(is_matched, at_matches(labels, matches), matches)
    wanted = encode_boxes(at_matches(targets["boxes"].astype(jnp.float32), matches), anchors)
    each = jnp.maximum(is_matched.sum(1), 1)
    return {
        "classification": _mean_of_rows(focal_loss(logits, classes) / each),
        "bbox_regression": _mean_of_rows(_distance(offsets, wanted, is_matched) / each),
    }


def focal_loss(logits: Array, classes: Array) -> Array:
    """The focal loss of each image [N], summed over its anchors and classes in float32 (equation 5).

    logits [N, A, K]; classes [N, A], from 0 to K - 1, or -1 for background, or -2 for an anchor that is ignored.
    """
    logits = logits.astype(jnp.float32)
    is_class = classes[:, :, None] == jnp.arange(logits.shape[2])
    # Of the right answer: the logit, and how far its probability is from 1.
    margin = jnp.where(is_class, logits, -logits)
    wrong = jax.nn.sigmoid(-margin)
    losses = jnp.where(is_class, ALPHA, 1 - ALPHA) * wrong**GAMMA * jax.nn.softplus(-margin)
    return jnp.where((classes >= -1)[:, :, None], losses, 0).sum((1, 2))


def _distance(offsets: Array, wanted: Array, counts: Array) -> Array:
    """The sum [N] of the distances of offsets to those wanted [N, A, 4], of the anchors that count [N, A]."""
    # Exchanged before the difference: an anchor that doesn't count may be of a box without area, and a gradient of NaN
    # stays one whatever it is multiplied by.
    difference = offsets.astype(jnp.float32) - jnp.where(counts[..., None], wanted, 0)
    return jnp.where(counts[..., None], jnp.abs(difference), 0).sum((1, 2))


def _mean_of_rows(values: Array) -> Array:
    rows = current_valid_rows()
    return values.mean() if rows is None else (values * rows).sum() / rows.sum()
