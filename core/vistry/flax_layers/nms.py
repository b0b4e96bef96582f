"""Non-maximum suppression over the images of a batch, with shapes that are known before it runs."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
from jax import Array, lax


def batched_nms(
    boxes: Array, scores: Array, labels: Array, score_threshold: float, iou_threshold: float, most: int
) -> Array:
    """The places of the best boxes of each image [N, most] int32, the best first, then -1 where there are no more.

    boxes [N, A, 4] xyxy, scores [N, A], labels [N, A] of whole numbers. Of boxes whose score is above the threshold,
    greedily from the highest score, those that overlap no better one of their label by more than `iou_threshold`; of
    equal scores the first is the better. This is `vistry.torch_layers.nms.batched_nms` box for box, but that labels
    are compared, where torchvision shifts boxes apart. There are no gradients.

    A round takes the best box of each image and strikes out what it overlaps, so there are as many rounds as the image
    with the most boxes keeps, each over all A.
    """
    images, count = scores.shape
    kept = jnp.full((images, most), -1, jnp.int32)
    if images * count * most == 0:
        return kept
    boxes = lax.stop_gradient(boxes).astype(jnp.float32)
    scores = lax.stop_gradient(scores).astype(jnp.float32)
    rows, places = jnp.arange(images), jnp.arange(count)
    threshold = _rounded_down(iou_threshold)

    def is_unfinished(state: tuple[Array, Array, Array]) -> Array:
        found, alive, _ = state
        return (found < most) & alive.any()

    def take_best(state: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
        found, alive, kept = state
        best = jnp.where(alive, scores, -jnp.inf).argmax(1)
        kept = kept.at[:, found].set(jnp.where(alive.any(1), best.astype(jnp.int32), -1))
        is_struck = (_overlap(boxes[rows, best], boxes) > threshold) & (labels[rows, best][:, None] == labels)
        return found + 1, alive & ~is_struck & (places != best[:, None]), kept

    start = (jnp.zeros((), jnp.int32), scores > score_threshold, kept)
    _, _, kept = lax.while_loop(is_unfinished, take_best, start)
    return kept


def _overlap(best: Array, boxes: Array) -> Array:
    """Intersection over union of a box of each image [N, 4] with all of its boxes [N, A, 4]: [N, A].

    Where nothing is united it is NaN, which is above no threshold, as in torchvision.
    """
    left, top, right, bottom = jnp.moveaxis(boxes, 2, 0)
    best_left, best_top, best_right, best_bottom = best.T[:, :, None]
    width = jnp.minimum(right, best_right) - jnp.maximum(left, best_left)
    height = jnp.minimum(bottom, best_bottom) - jnp.maximum(top, best_top)
    shared = jnp.maximum(width, 0) * jnp.maximum(height, 0)
    area = (right - left) * (bottom - top)
    best_area = (best_right - best_left) * (best_bottom - best_top)
    overlap: Array = shared / (best_area + area - shared)
    return overlap


def _rounded_down(threshold: float) -> np.float32:
    """The largest float32 that isn't above the threshold: whatever float32 exceeds one exceeds the other."""
    nearest = np.float32(threshold)
    return nearest if float(nearest) <= threshold else np.nextafter(nearest, np.float32(-np.inf))
