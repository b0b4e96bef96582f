"""Detectors with a region proposal network and a head for each region, the twins of `vistry.torch_layers.two_stage`."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jax import Array

from vistry.evaluation.detection.score_floor import score_floor
from vistry.flax_layers.anchors import Anchors
from vistry.flax_layers.proposals import ProposalNetwork
from vistry.flax_layers.pyramid import CHANNELS, Pyramid, subsampled_level
from vistry.flax_layers.region_heads import Limits, RegionHeads
from vistry.flax_layers.two_stage_types import Objects, RegionCounts
from vistry.loading.batches import ImageBatch
from vistry.plugin.types import Backbone, Values
from vistry.torch_layers.backbone_norm import norm_kind
from vistry.torch_layers.two_stage_settings import ANCHOR_SIZES, ASPECT_RATIOS, STRIDES

BuildHeads = Callable[[int, int, Limits, RegionCounts, np.random.Generator], RegionHeads]


class TwoStage(nnx.Module):
    """`backbone`, `rpn` and `roi_heads`, with the names, shapes and initial distributions of torchvision's detectors.

    Labels begin at 0. The backbone and the heads compute in the precision of the run, what lies between them in
    float32. The regions that losses are computed of are drawn anew in each step.
    """

    def __init__(self, backbone: Pyramid, rpn: ProposalNetwork, roi_heads: RegionHeads):
        self.backbone, self.rpn, self.roi_heads = backbone, rpn, roi_heads
        self.rngs = nnx.Rngs(0)
        self.deterministic = False  # Flax's eval() sets the attributes of this name

    def __call__(self, images: ImageBatch, targets: Mapping[str, Array] | None = None) -> dict[str, Array]:
        """Return loss terms in training, else the best `boxes` [N, D, 4], `scores` and `labels` of each image.

        `targets`: `boxes` [N, M, 4], `labels` [N, M], -1 where there is no object, and for masks `masks` [N, M, H, W].
        """
        maps = [one.astype(jnp.float32) for one in self.backbone(images.pixels)]
        height, width = images.pixels.shape[1:3]
        levels = self.rpn.levels(maps, (height, width))
        proposals = self.rpn.proposals(levels, images.sizes, training=not self.deterministic)
        if self.deterministic:
            return self.roi_heads.detections(maps, proposals, images.sizes)
        if targets is None:
            raise ValueError("a detector needs targets in training")
        objects = Objects.of(targets, images.sizes)
        of_anchors, of_regions = jax.random.split(self.rngs())
        regions = self.roi_heads.regions(proposals, objects, of_regions)
        return {
            **self.roi_heads.losses(maps, regions, objects),
            **self.rpn.losses(levels, objects, of_anchors),
        }


def build_two_stage(
    num_classes: int, values: Values, backbone: Backbone, build_heads: BuildHeads = RegionHeads
) -> TwoStage:
    """Build a two-stage detector with torchvision's own settings.

    Args:
        num_classes: without the background.
        values: the hyperparameters as a plugin's hook is given them.
        backbone: what the pyramid is built on.
        build_heads: builds the second stage.
    """
    random, counts = np.random.default_rng(values["random_seed"]), RegionCounts()
    pyramid = Pyramid(backbone, STRIDES, subsampled_level, norms=norm_kind(values), random=random)
    rpn = ProposalNetwork(CHANNELS, Anchors(ANCHOR_SIZES, ASPECT_RATIOS), counts, random=random)
    limits = Limits(
        score_floor(values["box_score_threshold"]), values["nms_iou_threshold"], values["box_detections_per_image"]
    )
    return TwoStage(pyramid, rpn, build_heads(CHANNELS, num_classes, limits, counts, random))
