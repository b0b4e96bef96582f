"""The second stage of Faster R-CNN (Ren et al., 2015) as in torchvision: a class and a box for each region."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jax import Array

from vistry.flax_layers.boxes import clip_boxes, decode_boxes
from vistry.flax_layers.layers import Linear
from vistry.flax_layers.matching import BACKGROUND, at_matches, match_boxes
from vistry.flax_layers.nms import batched_nms, detections_at
from vistry.flax_layers.precision import in_precision_of
from vistry.flax_layers.proposals import at_index
from vistry.flax_layers.region_losses import box_loss, mean_over
from vistry.flax_layers.region_pooling import pool_regions
from vistry.flax_layers.region_sampling import Sample, balanced_sample
from vistry.flax_layers.two_stage_types import Objects, RegionCounts, Regions
from vistry.torch_layers.two_stage_settings import BOX_BINS, STRIDES

# torchvision's settings.
MATCH_THRESHOLDS = (0.5, 0.5)
WEIGHTS = (10.0, 10.0, 5.0, 5.0)  # of the offsets of a box
LEAST_SIDE = 1e-2  # pixels of a detection
REPRESENTATION = 1024


@dataclass(frozen=True)
class Limits:
    """What is returned of all that is found: by score, by overlap with a better one, and by number."""

    score_threshold: float
    iou_threshold: float
    max_detections: int


class SampledRegions(NamedTuple):
    """The regions that losses are computed of: `boxes` [N, K, 4], `objects` [N, K] the object of each positive one.

    `sample`: which of them are positive, and which count.
    """

    boxes: Array
    objects: Array
    sample: Sample

    def first(self, count: int) -> SampledRegions:
        """Return the first regions of each image alone."""
        return SampledRegions(*jax.tree.map(lambda values: values[:, :count], tuple(self)))


class BoxHead(nnx.Module):
    """`fc6` and `fc7` on the pixels of a region, with the names of torchvision's TwoMLPHead."""

    def __init__(self, channels: int, random: np.random.Generator):
        self.fc6 = Linear(channels * BOX_BINS**2, REPRESENTATION, random=random)
        self.fc7 = Linear(REPRESENTATION, REPRESENTATION, random=random)

    def __call__(self, x: Array) -> Array:
        """[N, K, 7, 7, C] to [N, K, 1024]."""
        # In torch's order the channels are first.
        x = in_precision_of(self.fc6, jnp.moveaxis(x, -1, 2).reshape(*x.shape[:2], -1))
        return jax.nn.relu(self.fc7(jax.nn.relu(self.fc6(x))))


class BoxPredictor(nnx.Module):
    """`cls_score` and `bbox_pred` of each class and the background, with the names of torchvision's."""

    def __init__(self, classes: int, random: np.random.Generator):
        self.cls_score = Linear(REPRESENTATION, classes, random=random)
        self.bbox_pred = Linear(REPRESENTATION, 4 * classes, random=random)

    def __call__(self, x: Array) -> tuple[Array, Array]:
        """[N, K, 1024] to logits [N, K, C] and offsets [N, K, C, 4], in float32."""
        logits, offsets = (part(x).astype(jnp.float32) for part in (self.cls_score, self.bbox_pred))
        return logits, offsets.reshape(*logits.shape, 4)


class RegionHeads(nnx.Module):
    """`box_head` and `box_predictor`, and the losses and detections that follow from what they say of regions.

    Class 0 is the background's. Maps are [N, h, w, C] at the strides 4 to 32, and perhaps further ones.
    """

    def __init__(
        self, channels: int, num_classes: int, limits: Limits, counts: RegionCounts, random: np.random.Generator
    ):
        self.box_head = BoxHead(channels, random)
        self.box_predictor = BoxPredictor(num_classes + 1, random)
        self.limits, self.counts = limits, counts

    def regions(self, proposals: Regions, objects: Objects, key: Array) -> SampledRegions:
        """Draw, by a key, the regions for the losses among an image's proposals and the boxes of its objects."""
        boxes = jnp.concatenate([proposals.boxes, objects.boxes], 1)
        is_region = jnp.concatenate([proposals.is_region, objects.is_object], 1)
        matches = match_boxes(objects.boxes, objects.is_object, boxes, thresholds=MATCH_THRESHOLDS, every_object=False)
        size = self.counts.sampled_regions
        positive, negative = is_region & (matches >= 0), is_region & (matches == BACKGROUND)
        sample = balanced_sample(positive, negative, key, size=size, most_positive=self.counts.most_objects)
        sample = sample.of_images(objects.is_image)
        return SampledRegions(at_index(boxes, sample.places), at_index(matches, sample.places), sample)

    def losses(self, maps: Sequence[Array], regions: SampledRegions, objects: Objects) -> dict[str, Array]:
        """Return the terms of the regions."""
        sample = regions.sample
        logits, offsets = self._classified(maps, regions.boxes)
        labels = jnp.where(sample.is_positive, at_matches(objects.labels, regions.objects) + 1, 0)
        cross_entropy = -jnp.take_along_axis(jax.nn.log_softmax(logits), labels[..., None], -1)[..., 0]
        of_label = jnp.take_along_axis(offsets, labels[..., None, None], 2)[:, :, 0]
        boxes = at_matches(objects.boxes, regions.objects)
        return {
            "loss_classifier": mean_over(sample.counts, cross_entropy),
            "loss_box_reg": box_loss(of_label, boxes, regions.boxes, sample=sample, weights=WEIGHTS),
        }

    def detections(self, maps: Sequence[Array], proposals: Regions, sizes: Array) -> dict[str, Array]:
        """Return the best `boxes` [N, D, 4], `scores` and `labels` [N, D] of each image; labels are -1 beyond the last.

        A region is a candidate for each class. `sizes`: [N, 2] height and width of each image.
        """
        logits, offsets = self._classified(maps, proposals.boxes)
        references = proposals.boxes[:, :, None]
        boxes = clip_boxes(decode_boxes(offsets[:, :, 1:], references, WEIGHTS), sizes)
        is_candidate = proposals.is_region[..., None] & (boxes[..., 2:] - boxes[..., :2] >= LEAST_SIDE).all(-1)
        scores = jnp.where(is_candidate, jax.nn.softmax(logits)[..., 1:], -1)
        labels = jnp.broadcast_to(jnp.arange(scores.shape[2]), scores.shape)
        flat = boxes.reshape(len(boxes), -1, 4), scores.reshape(len(boxes), -1), labels.reshape(len(boxes), -1)
        best = batched_nms(*flat, **asdict(self.limits))
        return detections_at(best, *flat)

    def _classified(self, maps: Sequence[Array], boxes: Array) -> tuple[Array, Array]:
        """Return logits [N, K, C] and offsets [N, K, C, 4] of boxes [N, K, 4]."""
        return self.box_predictor(self.box_head(self.pooled(maps, boxes, BOX_BINS)))

    def pooled(self, maps: Sequence[Array], boxes: Array, side: int) -> Array:
        """Pool boxes [N, K, 4] from the four finest maps: to [N, K, side, side, C], in float32."""
        return pool_regions(maps[: len(STRIDES)], boxes, STRIDES, side=side)
