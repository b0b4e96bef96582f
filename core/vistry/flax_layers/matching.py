"""Which object each anchor answers for, for objects that are padded to one number an image."""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
from jax import Array, lax

from vistry.flax_layers.boxes import box_iou

BACKGROUND, IGNORED = -1, -2


def match_boxes(
    boxes: Array, is_object: Array, anchors: Array, thresholds: tuple[float, float], *, every_object: bool
) -> Array:
    """Return for each anchor the object that it overlaps most [N, A] int32, or -1 for background, -2 for neither.

    boxes [N, K, 4], `is_object` [N, K], anchors [A, 4], or [N, A, 4] where each image has its own. Of `thresholds` an
    IoU below the first makes background, one of at least the second a match, and what is between is ignored. With
    `every_object` the anchors that overlap an object most are matched, however little that is: to the object that they
    overlap most, as torchvision does it (Ren et al., 2015, section 3.1.2). Of equal overlaps the first object counts.
    There are no gradients.
    """
    boxes, anchors = lax.stop_gradient(boxes.astype(jnp.float32)), lax.stop_gradient(anchors)
    count = anchors.shape[-2]
    if boxes.shape[1] == 0:
        return jnp.full((len(boxes), count), BACKGROUND, jnp.int32)
    each = jnp.broadcast_to(anchors, (len(boxes), count, 4))
    match = partial(_match, thresholds=thresholds, every_object=every_object)
    # One image after the other, because the overlaps of a whole batch are too large.
    matches: Array = lax.map(lambda image: match(*image), (boxes, is_object, each))
    return matches


def _match(
    boxes: Array, is_object: Array, anchors: Array, *, thresholds: tuple[float, float], every_object: bool
) -> Array:
    """Match the anchors [A, 4] of one image to its objects [K, 4]: [A]."""
    # One object after the other, so that each overlap is computed once: fused into several sums it may be rounded in
    # several ways, and then no anchor's equals the largest.
    of_places: Array = lax.map(lambda box: box_iou(box, anchors), boxes)
    overlaps = jnp.where(is_object[:, None], of_places, -1)
    best, nearest = overlaps.max(0), overlaps.argmax(0).astype(jnp.int32)
    low, high = thresholds
    is_match = best >= high
    if every_object:
        is_best = (overlaps == overlaps.max(1, keepdims=True)) & is_object[:, None]
        is_match |= is_best.any(0)
    matches: Array = jnp.where(is_match, nearest, jnp.where(best < low, BACKGROUND, IGNORED))
    return matches


def at_matches(values: Array, matches: Array) -> Array:
    """Return the value of each anchor's object [N, A, ...] from those of the objects [N, K, ...]; of none, the first's.

    Where there is no place for objects, zeros.
    """
    if values.shape[1] == 0:
        return jnp.zeros((*matches.shape, *values.shape[2:]), values.dtype)
    chosen: Array = jax.vmap(lambda of_image, index: of_image[jnp.maximum(index, 0)])(values, matches)
    return chosen
