"""The loss of `vistry_yolov5.loss` in JAX, for batches of one shape whatever they hold.

Every object is compared with each of three anchors and three cells at each stride, and pairs that don't count are
masked out of the sums. Where several objects claim one cell of one anchor, the target of its objectness is the largest
of their CIoU, in torch as here, so that no order matters; each of them has its own part in the terms of boxes and
classes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array, lax
from vistry.flax_layers import current_valid_rows

from vistry_yolov5.anchors import MAX_RATIO
from vistry_yolov5.architecture import ANCHORS_AT, ANCHORS_EACH
from vistry_yolov5.gains import BALANCE, BOX_GAIN, CLASS_GAIN, CLASSES_AT, LEVELS_AT, OBJECTNESS_GAIN

EPSILON = 1e-7
"""Added to what is divided by, as in `reference.complete_iou`."""


class Objects(NamedTuple):
    """M objects of each image: `boxes` [N, M, 4] centre x, y, width and height, `labels` [N, M], `real` [N, M]."""

    boxes: Array
    labels: Array
    real: Array


class Assignment(NamedTuple):
    """Which cells and anchors of a level answer for M boxes of each image.

    `cells`: [N, M, 3, 2] int32 column and row, brought into the map: the box's own cell, its neighbours in x and in y.
    `counts`: [N, M, A, 3] bool, whether an anchor in such a cell answers.
    """

    cells: Array
    counts: Array


def assign(boxes: Array, anchors: Array, shape: tuple[int, int]) -> Assignment:
    """Assign boxes [N, M, 4] of centre x, y, width and height to anchors [A, 2] and cells of a map of height and width.

    All are in cells. A neighbour is the one that the centre is nearer to; a centre in the middle has none
    (docs/reference/yolov5.md, 5).
    """
    centres, sizes = jnp.split(boxes, 2, -1)
    ratios = sizes[:, :, None] / anchors
    matches = jnp.maximum(ratios, 1 / ratios).max(-1) < MAX_RATIO
    last = jnp.array(shape[::-1]) - 1
    own = jnp.clip(jnp.floor(centres).astype(jnp.int32), 0, last)
    side = jnp.sign(centres - own - 0.5).astype(jnp.int32)
    beside = jnp.clip(own + side, 0, last)
    cells = jnp.stack([own, own.at[..., 0].set(beside[..., 0]), own.at[..., 1].set(beside[..., 1])], 2)
    inside = jnp.concatenate([jnp.ones_like(own[..., :1], bool), beside != own], -1)
    return Assignment(cells, matches[..., None] & inside[:, :, None])


def complete_iou(boxes: Array, targets: Array) -> Array:
    """The complete IoU of each box with its target [...] (Zheng et al., Distance-IoU Loss, 2020, equation 10).

    boxes and targets [..., 4]: centre x, centre y, width, height in any one unit. IoU, less the squared distance of the
    centres as a share of that of the corners around both, less alpha * v, where v compares the aspects. Alpha is taken
    for a number, as the paper has it.
    """
    (centre, size), (target_centre, target_size) = jnp.split(boxes, 2, -1), jnp.split(targets, 2, -1)
    low, high = centre - size / 2, centre + size / 2
    target_low, target_high = target_centre - target_size / 2, target_centre + target_size / 2

    shared = _area(jax.nn.relu(jnp.minimum(high, target_high) - jnp.maximum(low, target_low)))
    iou = shared / (_area(size) + _area(target_size) - shared + EPSILON)
    around = jnp.maximum(high, target_high) - jnp.minimum(low, target_low)
    distance = jnp.square(centre - target_centre).sum(-1) / (jnp.square(around).sum(-1) + EPSILON)
    v = 4 / math.pi**2 * jnp.square(_angle(target_size) - _angle(size))
    alpha = lax.stop_gradient(v / (jnp.maximum(1 - iou, 0) + v + EPSILON))
    return iou - distance - alpha * v


def detection_loss(
    heads: Sequence[Array],
    targets: Mapping[str, Array],
    anchors: Array,
    strides: Sequence[int],
    num_classes: int,
    image_size: int,
) -> dict[str, Array]:
    """The terms `box`, `objectness` and `class` for the logits [N, h, w, A * (5 + classes)] of each level, in float32.

    `targets`: `boxes` [N, M, 4] x1, y1, x2, y2 in pixels and `labels` [N, M], -1 where there is no object. `anchors`:
    [levels, A, 2] in units of each stride. The cross entropies are those of YOLOv3 (Redmon and Farhadi, 2018, sections
    2.1 and 2.2), the boxes' term is 1 - CIoU (Zheng et al., Distance-IoU Loss, 2020, section 4), all with the gains of
    docs/reference/yolov5.md, 6. Each is a mean over what counts on its level, times the images. With one class there is
    nothing to tell apart: `class` is 0. Rows that are padding of the batch don't count.
    """
    mask = current_valid_rows()
    rows = jnp.ones(len(heads[0])) if mask is None else mask
    first, last = jnp.split(targets["boxes"].astype(jnp.float32), 2, -1)
    real = (targets["labels"] >= 0) & (rows > 0)[:, None]
    objects = Objects(jnp.concatenate([(first + last) / 2, last - first], -1), targets["labels"], real)
    terms = [
        _level_terms(by_anchor(head, num_classes), objects._replace(boxes=objects.boxes / stride), sizes, rows)
        for head, sizes, stride in zip(heads, anchors, strides, strict=True)
    ]
    box, objectness, classes = (jnp.stack(level) for level in zip(*terms, strict=True))
    each = LEVELS_AT / len(heads) * rows.sum()
    by_area = OBJECTNESS_GAIN * (image_size / ANCHORS_AT) ** 2
    by_classes = CLASS_GAIN * num_classes / CLASSES_AT if num_classes > 1 else 0.0
    return {
        "box": BOX_GAIN * each * box.sum(),
        "objectness": by_area * each * (objectness * jnp.array(BALANCE)).sum(),
        "class": by_classes * each * classes.sum(),
    }


def by_anchor(head: Array, num_classes: int) -> Array:
    """[N, h, w, A * (5 + classes)] of any type to [N, A, h, w, 5 + classes] of float32."""
    split = head.astype(jnp.float32).reshape(*head.shape[:3], ANCHORS_EACH, 5 + num_classes)
    return split.transpose(0, 3, 1, 2, 4)


def _level_terms(logits: Array, objects: Objects, anchors: Array, rows: Array) -> tuple[Array, Array, Array]:
    """The means of 1 - CIoU, of objectness' and of classes' cross entropy on one level, whose cells are the unit.

    logits [N, A, h, w, 5 + classes]; rows [N], 1 for each image that counts.
    """
    assigned = assign(objects.boxes, anchors, (logits.shape[2], logits.shape[3]))
    counts = assigned.counts & objects.real[..., None, None]  # [N, M, A, 3], as are all below
    columns, row_of_cells = jnp.moveaxis(assigned.cells[:, :, None], -1, 0)
    images = jnp.arange(len(logits))[:, None, None, None]
    places = (images, jnp.arange(len(anchors))[:, None], row_of_cells, columns)
    fields_of_cells = logits[places]
    overlap = complete_iou(_predicted_boxes(fields_of_cells, anchors), _target_boxes(objects.boxes, assigned.cells))

    best_overlap = jnp.where(counts, jnp.maximum(lax.stop_gradient(overlap), 0), 0)
    target_objectness = (
        jnp.zeros(logits.shape[:-1]).at[places].max(best_overlap)
    )  # the best fit, where objects share a cell
    objectness = _cross_entropy(logits[..., 4], target_objectness).mean((1, 2, 3))

    is_class = jax.nn.one_hot(objects.labels, logits.shape[-1] - 5)[:, :, None, None]
    classes = _cross_entropy(fields_of_cells[..., 5:], is_class).mean(-1)
    return (
        _mean_where(counts, 1 - overlap),
        _mean_where(rows > 0, objectness),
        _mean_where(counts, classes),
    )


def _predicted_boxes(fields_of_cells: Array, anchors: Array) -> Array:
    """Boxes [N, M, A, 3, 4] of logits [N, M, A, 3, fields], by their centre within the cell, width and height in cells.

    See docs/reference/yolov5.md, 3: a centre reaches half a cell beyond its own, and a size from 0 to four anchors.
    """
    centres, sizes = jnp.split(jax.nn.sigmoid(fields_of_cells[..., :4]), 2, -1)
    return jnp.concatenate([2 * centres - 0.5, jnp.square(2 * sizes) * anchors[:, None]], -1)


def _target_boxes(boxes: Array, cells: Array) -> Array:
    """Return the boxes [N, M, 1, 3, 4] that `_predicted_boxes` is compared with."""
    centres, sizes = jnp.split(boxes[:, :, None], 2, -1)
    return jnp.concatenate([centres - cells, jnp.broadcast_to(sizes, cells.shape)], -1)[:, :, None]


def _cross_entropy(logits: Array, targets: Array) -> Array:
    """The binary cross entropy of each logit with its target in [0, 1]."""
    return jax.nn.softplus(logits) - logits * targets


def _mean_where(counts: Array, values: Array) -> Array:
    """The mean of those that count, 0 if none does."""
    return jnp.where(counts, values, 0).sum() / jnp.maximum(counts.sum(), 1)


def _area(sides: Array) -> Array:
    return sides[..., 0] * sides[..., 1]


def _angle(size: Array) -> Array:
    return jnp.arctan(size[..., 0] / (size[..., 1] + EPSILON))
