"""Non-maximum suppression over the images of a batch, with shapes that are known before it runs."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
from jax import Array, lax


def batched_nms(
    boxes: Array, scores: Array, labels: Array, score_threshold: float, iou_threshold: float, max_detections: int
) -> Array:
    """Return the indices of the best boxes of each image [N, max_detections] int32, the best first, padded with -1.

    boxes [N, A, 4] xyxy, scores [N, A], labels [N, A] of whole numbers. Of boxes whose score is above the threshold,
    greedily from the highest score, those that overlap no better one of their label by more than `iou_threshold`; of
    equal scores the first is the better. `vistry.torch_layers.nms.batched_nms` gives the same, box for box, except that
    torchvision shifts the boxes of each label apart, where labels are compared here. There are no gradients.

    Each round selects the best box of each image and suppresses those that it overlaps, so there are as many rounds as
    the image with the most detections has, each over all A.
    """
    images, count = scores.shape
    selected = jnp.full((images, max_detections), -1, jnp.int32)
    if images * count * max_detections == 0:
        return selected
    boxes = lax.stop_gradient(boxes).astype(jnp.float32)
    scores = lax.stop_gradient(scores).astype(jnp.float32)
    rows, indices = jnp.arange(images), jnp.arange(count)
    threshold = _rounded_down(iou_threshold)

    def is_unfinished(state: tuple[Array, Array, Array]) -> Array:
        count_selected, alive, _ = state
        return (count_selected < max_detections) & alive.any()

    def select_best(state: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
        count_selected, alive, selected = state
        best = jnp.where(alive, scores, -jnp.inf).argmax(1)
        selected = selected.at[:, count_selected].set(jnp.where(alive.any(1), best.astype(jnp.int32), -1))
        is_suppressed = (_overlap(boxes[rows, best][:, None], boxes) > threshold) & (
            labels[rows, best][:, None] == labels
        )
        return count_selected + 1, alive & ~is_suppressed & (indices != best[:, None]), selected

    start = (jnp.zeros((), jnp.int32), scores > score_threshold, selected)
    _, _, selected = lax.while_loop(is_unfinished, select_best, start)
    return selected


def survivors(boxes: Array, is_box: Array, iou_threshold: float) -> Array:
    """Return which boxes survive [N, K], each image's own [N, K, 4] in order, the best first.

    The rule is that of `batched_nms` within one label; boxes that aren't any, by `is_box` [N, K], neither survive nor
    suppress. There are no gradients.

    A round suppresses what the survivors of the last one overlap, all at once. When a round changes nothing, each box
    is right by induction from the first one; that takes as many rounds as the longest chain of boxes of which each
    suppresses the next, a few among thousands. Memory is that of K * K numbers an image.
    """
    boxes = lax.stop_gradient(boxes).astype(jnp.float32)
    is_later = np.triu(np.ones((boxes.shape[1],) * 2, bool), 1)
    suppresses = (_overlap(boxes[:, :, None], boxes[:, None]) > _rounded_down(iou_threshold)) & is_later
    # As numbers, for a matrix product: a product of bits is ten times as slow on a processor.
    suppresses = suppresses.astype(jnp.float32)

    def is_unfinished(state: tuple[Array, Array]) -> Array:
        before, now = state
        return (before != now).any()

    def suppress(state: tuple[Array, Array]) -> tuple[Array, Array]:
        _, alive = state
        hits = jnp.einsum("nk,nkj->nj", alive.astype(jnp.float32), suppresses)
        return alive, is_box & (hits == 0)

    _, alive = lax.while_loop(is_unfinished, suppress, (jnp.zeros_like(is_box), is_box))
    return alive


def detections_at(indices: Array, boxes: Array, scores: Array, labels: Array) -> dict[str, Array]:
    """Return what `batched_nms` selected as a detector returns it, with a label of -1 beyond the last box.

    indices [N, K], -1 beyond the last; boxes [N, A, 4], scores [N, A], labels [N, A]. The result has `boxes` [N, K, 4],
    `scores` [N, K] and `labels` [N, K].
    """
    is_box, at = indices >= 0, jnp.maximum(indices, 0)
    return {
        "boxes": jnp.where(is_box[..., None], jnp.take_along_axis(boxes, at[..., None], 1), 0),
        "scores": jnp.where(is_box, jnp.take_along_axis(scores, at, 1), 0),
        "labels": jnp.where(is_box, jnp.take_along_axis(labels, at, 1), -1),
    }


def _overlap(first: Array, second: Array) -> Array:
    """Return the IoU [...] of boxes [..., 4] with others [..., 4].

    Two boxes without area have NaN, which is above no threshold, as in torchvision.
    """
    left, top, right, bottom = jnp.moveaxis(first, -1, 0)
    other_left, other_top, other_right, other_bottom = jnp.moveaxis(second, -1, 0)
    width = jnp.minimum(right, other_right) - jnp.maximum(left, other_left)
    height = jnp.minimum(bottom, other_bottom) - jnp.maximum(top, other_top)
    shared = jnp.maximum(width, 0) * jnp.maximum(height, 0)
    area = (right - left) * (bottom - top)
    other_area = (other_right - other_left) * (other_bottom - other_top)
    overlap: Array = shared / (area + other_area - shared)
    return overlap


def _rounded_down(threshold: float) -> np.float32:
    """Return the largest float32 that isn't above the threshold: a float32 exceeds both or neither."""
    nearest = np.float32(threshold)
    return nearest if float(nearest) <= threshold else np.nextafter(nearest, np.float32(-np.inf))
