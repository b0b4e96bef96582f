"""RetinaNet in Flax, with the names, shapes and initial distributions of torchvision's."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jax import Array, lax
from vistry.flax_layers import (
    Anchors,
    Atlas,
    Conv,
    Initial,
    InitialValues,
    Pyramid,
    Sequential,
    TwoMoreLevels,
    batched_nms,
    clip_boxes,
    decode_boxes,
    detections_at,
    normal,
    zeros,
)
from vistry.plugin import Backbone, ImageBatch, Values, score_floor
from vistry.torch_layers import norm_kind

from vistry_retinanet.architecture import ASPECTS, CANDIDATES, PRIOR, SIZES, STRIDES
from vistry_retinanet.flax_loss import detection_loss

CONVOLUTIONS = 4  # of each head, before the one that answers
CHANNELS = Pyramid.out_channels


class ClassificationHead(nnx.Module):
    """`conv` and `cls_logits`: the logits of every class at every anchor."""

    def __init__(self, anchors_each: int, num_classes: int, random: np.random.Generator):
        self.conv = _tower(random)
        self.cls_logits = _convolution(anchors_each * num_classes, random, bias=_prior_logit)
        self.num_classes = num_classes

    def __call__(self, x: Array, atlas: Atlas) -> list[Array]:
        """Levels on one map [N, H, W, C] to the logits [N, h * w * anchors_each, num_classes] of each."""
        return _answers(atlas.split(self.cls_logits(_along(self.conv, x, atlas))), self.num_classes)


class RegressionHead(nnx.Module):
    """`conv` and `bbox_reg`: the offsets of a box from every anchor."""

    def __init__(self, anchors_each: int, random: np.random.Generator):
        self.conv = _tower(random)
        self.bbox_reg = _convolution(anchors_each * 4, random)

    def __call__(self, x: Array, atlas: Atlas) -> list[Array]:
        """Levels on one map [N, H, W, C] to the offsets [N, h * w * anchors_each, 4] of each."""
        return _answers(atlas.split(self.bbox_reg(_along(self.conv, x, atlas))), 4)


class Head(nnx.Module):
    """Both heads, which are the same ones at every level."""

    def __init__(self, anchors_each: int, num_classes: int, random: np.random.Generator):
        self.classification_head = ClassificationHead(anchors_each, num_classes, random)
        self.regression_head = RegressionHead(anchors_each, random)

    def __call__(self, levels: Sequence[Array]) -> tuple[list[Array], list[Array]]:
        """Levels [N, h, w, C] to the logits [N, A, num_classes] and the offsets [N, A, 4] of each, in float32."""
        atlas = Atlas.of([(one.shape[1], one.shape[2]) for one in levels])
        x = atlas.join(levels)
        return self.classification_head(x, atlas), self.regression_head(x, atlas)


class RetinaNet(nnx.Module):
    """`backbone` and `head`, called with images that have their size already.

    `limits`: the score that boxes have to be above, the overlap above which a worse one of the same class is dropped,
    and how many an image has at most.
    """

    def __init__(self, backbone: Pyramid, head: Head, anchors: Anchors, limits: tuple[float, float, int]):
        self.backbone, self.head = backbone, head
        self.anchors, self.limits = anchors, limits
        self.deterministic = False  # Flax's eval() sets the attributes of this name

    def __call__(self, images: ImageBatch, targets: Mapping[str, Array] | None = None) -> dict[str, Array]:
        """Loss terms of N images in training, else the best boxes of each image.

        `targets`: `boxes` [N, M, 4] x1, y1, x2, y2 in pixels and `labels` [N, M], -1 where there is no object. The best
        boxes are `boxes` [N, K, 4], `scores` [N, K] and `labels` [N, K], -1 where there are no more.
        """
        if targets is None and not self.deterministic:
            raise ValueError("RetinaNet in training needs targets: call it with targets, or call eval() first")
        maps = self.backbone(images.pixels)
        sizes = [(one.shape[1], one.shape[2]) for one in maps]
        anchors = self.anchors(images.pixels.shape[1:3], sizes)
        logits, offsets = self.head(maps)
        if self.deterministic or targets is None:
            return self._detections(zip(logits, offsets, anchors, strict=True), images.sizes)
        outputs = jnp.concatenate(logits, 1), jnp.concatenate(offsets, 1)
        return detection_loss(*outputs, jnp.concatenate(anchors), targets)

    def _detections(self, outputs: Iterable[tuple[Array, Array, Array]], sizes: Array) -> dict[str, Array]:
        """Return the best boxes of each image: the candidates of every level after non-maximum suppression."""
        levels = [candidates(*output) for output in outputs]
        boxes, scores, labels = (jnp.concatenate(parts, 1) for parts in zip(*levels, strict=True))
        boxes = clip_boxes(boxes, sizes)
        best = batched_nms(boxes, scores, labels, *self.limits)
        return detections_at(best, boxes, scores, labels)


def candidates(logits: Array, offsets: Array, anchors: Array) -> tuple[Array, Array, Array]:
    """Return boxes [N, k, 4], scores [N, k] and labels [N, k] of one level, the highest scores first.

    logits [N, A, K], offsets [N, A, 4], anchors [A, 4].
    """
    images, count, classes = logits.shape
    scores, index = lax.top_k(jax.nn.sigmoid(logits).reshape(images, -1), min(CANDIDATES, count * classes))
    places = index // classes
    chosen = jnp.take_along_axis(offsets, places[..., None], 1)
    return decode_boxes(chosen, anchors[places]), scores, index % classes


def build(num_classes: int, hyperparameters: Values, backbone: Backbone) -> RetinaNet:
    """Build the network with initial weights drawn from the random seed; it has no background class."""
    random = np.random.default_rng(hyperparameters["random_seed"])
    extra, norms = TwoMoreLevels(random), norm_kind(hyperparameters)
    pyramid = Pyramid(backbone, STRIDES, extra, norms=norms, random=random)
    anchors = Anchors(SIZES, ASPECTS)
    limits: Any = (
        score_floor(hyperparameters["box_score_threshold"]),
        hyperparameters["nms_iou_threshold"],
        hyperparameters["box_detections_per_image"],
    )
    return RetinaNet(pyramid, Head(anchors.per_place, num_classes, random), anchors, limits)


def _tower(random: np.random.Generator) -> Sequential:
    return Sequential(*(Sequential(_convolution(CHANNELS, random), jax.nn.relu) for _ in range(CONVOLUTIONS)))


def _along(tower: Sequential, x: Array, atlas: Atlas) -> Array:
    """Return what the tower makes of the levels on one map, each as if it were alone."""
    for layer in range(CONVOLUTIONS):
        x = atlas.clear(getattr(tower, str(layer))(x))
    return x


def _answers(levels: Sequence[Array], each: int) -> list[Array]:
    """Levels [N, h, w, A * each] to [N, h * w * A, each] in float32."""
    return [one.astype(jnp.float32).reshape(len(one), -1, each) for one in levels]


def _convolution(outputs: int, random: np.random.Generator, bias: Initial = zeros) -> Conv:
    return Conv(CHANNELS, outputs, 3, padding=1, weight=normal(0.01), bias=bias, random=random)


def _prior_logit(random: Any, shape: tuple[int, ...]) -> InitialValues:  # noqa: ARG001
    return np.full(shape, math.log(PRIOR / (1 - PRIOR)), np.float32)
