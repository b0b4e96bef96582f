"""Mask R-CNN as a Flax module, with the names, shapes and initial distributions of `vistry_maskrcnn.torch_model`."""

from __future__ import annotations

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jax import Array
from vistry.flax_layers import (
    BranchConv,
    Conv,
    Limits,
    Objects,
    RegionCounts,
    RegionHeads,
    Regions,
    SampledRegions,
    Sequential,
    TwoStage,
    at_matches,
    build_two_stage,
    cut_masks,
    in_precision_of,
    mean_over,
    normal,
    normal_by_fan_out,
    over_occupied_parts,
    uniform_by_fan_in,
    zeros,
)
from vistry.plugin import Backbone, Values

from vistry_maskrcnn.settings import MASK_BINS, MASK_LOGIT_STD

CONVOLUTIONS = 4
# Masks of so many regions an image are computed at a time; where none of them is one, nothing is.
TOGETHER = 16


class DoublingConv(nnx.Module):
    """torch's ConvTranspose2d with a kernel and a stride of 2: `weight` [I, O, 2, 2] and `bias` [O]."""

    def __init__(self, inputs: int, outputs: int, random: np.random.Generator):
        shape = (inputs, outputs, 2, 2)
        self.weight = nnx.Param(jnp.asarray(normal_by_fan_out(random, shape)))
        self.bias = nnx.Param(jnp.asarray(uniform_by_fan_in(4 * outputs)(random, (outputs,))))

    def __call__(self, x: Array) -> Array:
        """[N, H, W, I] to [N, 2 H, 2 W, O]."""
        images, height, width, _ = x.shape
        pixels = jnp.einsum("nyxi,ioab->nyaxbo", x, self.weight[...])
        return pixels.reshape(images, 2 * height, 2 * width, -1) + self.bias[...]


class MaskPredictor(nnx.Module):
    """`conv5_mask` and `mask_fcn_logits`, with the names of torchvision's."""

    def __init__(self, channels: int, classes: int, random: np.random.Generator):
        self.conv5_mask = DoublingConv(channels, channels, random)
        # Near 0, each pixel of the first masks is as likely inside as outside.
        self.mask_fcn_logits = Conv(channels, classes, 1, weight=normal(MASK_LOGIT_STD), random=random)

    def __call__(self, x: Array) -> Array:
        """[N, 14, 14, C] to logits [N, 28, 28, classes], in float32."""
        return self.mask_fcn_logits(jax.nn.relu(self.conv5_mask(x))).astype(jnp.float32)


class MaskRegionHeads(RegionHeads):
    """Faster R-CNN's heads, and `mask_head` and `mask_predictor` for the mask of each region."""

    def __init__(
        self, channels: int, num_classes: int, limits: Limits, counts: RegionCounts, random: np.random.Generator
    ):
        super().__init__(channels, num_classes, limits, counts=counts, random=random)
        self.mask_head = Sequential(*(_layer(channels, random) for _ in range(CONVOLUTIONS)))
        self.mask_predictor = MaskPredictor(channels, num_classes + 1, random)

    def losses(self, maps: Sequence[Array], regions: SampledRegions, objects: Objects) -> dict[str, Array]:
        """Return the terms of the regions, and the cross entropy of the masks of those that are objects."""
        if objects.masks is None:
            raise ValueError("Mask R-CNN needs the masks of the objects it trains on")
        # The positive ones are first, and only so many.
        drawn = regions.first(self.counts.most_objects)
        is_mask, labels = drawn.sample.is_positive, at_matches(objects.labels, drawn.objects)
        logits = self._mask_logits(maps, drawn.boxes, labels, is_mask)
        # What isn't an object's may lie anywhere.
        index = jnp.maximum(drawn.objects, 0)
        targets = cut_masks(objects.masks, index, drawn.boxes, objects.sizes, side=logits.shape[-1])
        cross_entropy = jax.nn.softplus(logits) - logits * targets
        mask = mean_over(is_mask[..., None, None], cross_entropy)
        return {**super().losses(maps, regions, objects), "loss_mask": mask}

    def detections(self, maps: Sequence[Array], proposals: Regions, sizes: Array) -> dict[str, Array]:
        """Return boxes, scores and labels of each image, and `masks` [N, D, 1, 28, 28] of probabilities."""
        found = super().detections(maps, proposals, sizes)
        is_box = found["labels"] >= 0
        logits = self._mask_logits(maps, found["boxes"], jnp.maximum(found["labels"], 0), is_box)
        return {**found, "masks": jax.nn.sigmoid(logits)[:, :, None]}

    def _mask_logits(self, maps: Sequence[Array], boxes: Array, labels: Array, is_mask: Array) -> Array:
        """Return the logits [N, K, 28, 28] of the mask of each box's label; anything where `is_mask` is False."""

        def logits_of(boxes: Array, labels: Array) -> Array:
            pooled = self.pooled(maps, boxes, MASK_BINS)
            x = in_precision_of(self.mask_predictor.mask_fcn_logits, pooled.reshape(-1, *pooled.shape[2:]))
            logits = self.mask_predictor(self.mask_head(x))
            # Class 0 is the background's.
            of_label = jnp.take_along_axis(logits, labels.reshape(-1, 1, 1, 1) + 1, -1)
            return of_label.reshape(*labels.shape, *logits.shape[1:3])

        return over_occupied_parts(logits_of, (boxes, labels), is_mask, TOGETHER)


def _layer(channels: int, random: np.random.Generator) -> Sequential:
    conv = BranchConv(channels, channels, 3, padding=1, weight=normal_by_fan_out, bias=zeros, random=random)
    return Sequential(conv, jax.nn.relu)


def build(num_classes: int, hyperparameters: Values, backbone: Backbone) -> TwoStage:
    """Build Mask R-CNN with torchvision's settings; its first masks are undecided."""
    return build_two_stage(num_classes, hyperparameters, backbone, MaskRegionHeads)
