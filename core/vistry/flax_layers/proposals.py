"""The region proposal network of Ren et al. (2015) as in torchvision, with as many proposals in every image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jax import Array, lax

from vistry.flax_layers.anchors import Anchors
from vistry.flax_layers.boxes import clip_boxes, decode_boxes
from vistry.flax_layers.convolution import Conv
from vistry.flax_layers.initialisation import normal, zeros
from vistry.flax_layers.layers import Sequential
from vistry.flax_layers.matching import BACKGROUND, at_matches, match_boxes
from vistry.flax_layers.nms import survivors
from vistry.flax_layers.precision import in_precision_of
from vistry.flax_layers.region_losses import box_loss, mean_over
from vistry.flax_layers.region_sampling import balanced_sample
from vistry.flax_layers.two_stage_types import Objects, RegionCounts, Regions

# torchvision's settings.
MATCH_THRESHOLDS = (0.3, 0.7)
NMS_IOU = 0.7
LEAST_SIDE = 1e-3  # pixels of a proposal
POSITIVE_SHARE = 0.5


class Level(NamedTuple):
    """What the head says of a level's anchors: `logits` [N, A] that there is an object, `offsets` [N, A, 4] of its box.

    `anchors`: [A, 4].
    """

    logits: Array
    offsets: Array
    anchors: Array


class ProposalHead(nnx.Module):
    """`conv`, a 3x3 convolution, and `cls_logits` and `bbox_pred` for each anchor, with the names of torchvision's."""

    def __init__(self, channels: int, per_place: int, random: np.random.Generator):
        self.conv = Sequential(Sequential(_convolution(channels, channels, 3, random=random), jax.nn.relu))
        self.cls_logits = _convolution(channels, per_place, 1, random=random)
        self.bbox_pred = _convolution(channels, 4 * per_place, 1, random=random)

    def __call__(self, x: Array) -> tuple[Array, Array]:
        """[N, h, w, C] to logits [N, h w anchors] and offsets [N, h w anchors, 4], in float32."""
        x = self.conv(in_precision_of(self.cls_logits, x))
        logits, offsets = (part(x).astype(jnp.float32) for part in (self.cls_logits, self.bbox_pred))
        return logits.reshape(len(x), -1), offsets.reshape(len(x), -1, 4)


class ProposalNetwork(nnx.Module):
    """`head` on each level of a pyramid, and the proposals and losses that follow from what it says."""

    def __init__(self, channels: int, anchors: Anchors, counts: RegionCounts, random: np.random.Generator):
        self.head = ProposalHead(channels, anchors.per_place, random)
        self.anchors, self.counts = anchors, counts

    def levels(self, maps: Sequence[Array], image_size: tuple[int, int]) -> list[Level]:
        """Return what the head says of maps [N, h, w, C], from fine to coarse."""
        anchors = self.anchors(image_size, [(one.shape[1], one.shape[2]) for one in maps])
        return [Level(*self.head(one), level) for one, level in zip(maps, anchors, strict=True)]

    def proposals(self, levels: Sequence[Level], sizes: Array, *, training: bool) -> Regions:
        """Return the best proposals of each image of height and width `sizes` [N, 2]; there are no gradients.

        Those of each level are suppressed among themselves; of the rest those with the highest logits are returned.
        """
        candidates, most = self.counts.proposals(training)
        candidates = min(candidates, max(level.logits.shape[1] for level in levels))
        parts = [_best_of_level(lax.stop_gradient(level), sizes, candidates) for level in levels]
        boxes, logits = (jnp.concatenate(part) for part in zip(*parts, strict=True))
        is_large = (logits > -jnp.inf) & (boxes[..., 2:] - boxes[..., :2] >= LEAST_SIDE).all(-1)
        logits = jnp.where(survivors(boxes, is_large, NMS_IOU), logits, -jnp.inf)
        boxes, logits = (jnp.concatenate(jnp.split(values, len(levels)), 1) for values in (boxes, logits))
        logits, best = lax.top_k(logits, min(most, logits.shape[1]))
        is_proposal = logits > -jnp.inf
        return Regions(jnp.where(is_proposal[..., None], at_index(boxes, best), 0), is_proposal)

    def losses(self, levels: Sequence[Level], objects: Objects, key: Array) -> dict[str, Array]:
        """Return the terms of the anchors that are drawn by a key."""
        logits, offsets = (jnp.concatenate(parts, 1) for parts in list(zip(*levels, strict=True))[:2])
        anchors = jnp.concatenate([level.anchors for level in levels])
        matches = match_boxes(objects.boxes, objects.is_object, anchors, thresholds=MATCH_THRESHOLDS, every_object=True)
        size = self.counts.sampled_anchors
        positive, negative = matches >= 0, matches == BACKGROUND
        sample = balanced_sample(positive, negative, key, size=size, most_positive=int(size * POSITIVE_SHARE))
        sample = sample.of_images(objects.is_image)
        logits, offsets = (at_index(values, sample.places) for values in (logits, offsets))
        boxes = at_matches(objects.boxes, at_index(matches, sample.places))
        return {
            "loss_objectness": mean_over(sample.counts, jax.nn.softplus(logits) - logits * sample.is_positive),
            "loss_rpn_box_reg": box_loss(offsets, boxes, anchors[sample.places], sample=sample),
        }


def at_index(values: Array, index: Array) -> Array:
    """Return the values [N, K, ...] of each image at some places [N, K] of its own [N, A, ...]."""
    return jnp.take_along_axis(values, index.reshape(*index.shape, *(1,) * (values.ndim - 2)), 1)


def _best_of_level(level: Level, sizes: Array, count: int) -> tuple[Array, Array]:
    """Return the boxes [N, count, 4] with the highest logits [N, count], which are -inf where there are no more."""
    own = min(count, level.logits.shape[1])
    logits, best = lax.top_k(level.logits, own)
    boxes = clip_boxes(decode_boxes(at_index(level.offsets, best), level.anchors[best]), sizes)
    more = (0, count - own)
    return jnp.pad(boxes, ((0, 0), more, (0, 0))), jnp.pad(logits, ((0, 0), more), constant_values=-jnp.inf)


def _convolution(inputs: int, outputs: int, kernel: int, random: np.random.Generator) -> Conv:
    return Conv(inputs, outputs, kernel, padding=kernel // 2, weight=normal(0.01), bias=zeros, random=random)
