"""Layers for Flax NNX that hold torch's tensors, so that a model has one set of weights whichever engine trains it.

Names, shapes and meaning are torch's (`weight` of a convolution [O, I / groups, kH, kW], of a linear layer [O, I]);
maps are [N, H, W, C]. A module whose attributes are called as torch's has the same state names by construction.

Plugins import from here, and not from the files below.
"""

from vistry.flax_layers.anchors import Anchors
from vistry.flax_layers.atlas import Atlas
from vistry.flax_layers.boxes import box_iou, clip_boxes, decode_boxes, encode_boxes
from vistry.flax_layers.convolution import BranchConv, Conv
from vistry.flax_layers.initialisation import (
    Initial,
    InitialValues,
    normal,
    normal_by_fan_out,
    ones,
    uniform_by_fan_in,
    uniform_by_variance,
    zeros,
)
from vistry.flax_layers.layers import Linear, Sequential, results_in_turn
from vistry.flax_layers.matching import at_matches, match_boxes
from vistry.flax_layers.nms import batched_nms, detections_at
from vistry.flax_layers.normalisation import BatchNorm, LayerNorm, current_valid_rows, valid_rows
from vistry.flax_layers.norms import FrozenBatchNorm, GroupNorm, with_norms
from vistry.flax_layers.pooling import average_pool, max_pool
from vistry.flax_layers.precision import in_precision_of
from vistry.flax_layers.pyramid import FeaturePyramid, Pyramid, TwoMoreLevels, subsampled_level
from vistry.flax_layers.region_heads import Limits, RegionHeads, SampledRegions
from vistry.flax_layers.region_losses import mean_over
from vistry.flax_layers.region_parts import over_occupied_parts
from vistry.flax_layers.region_pooling import cut_masks, pool_regions
from vistry.flax_layers.residual import padded_conv, residual_stages
from vistry.flax_layers.two_stage import TwoStage, build_two_stage
from vistry.flax_layers.two_stage_types import Objects, RegionCounts, Regions

__all__ = [
    "Anchors",
    "Atlas",
    "BatchNorm",
    "BranchConv",
    "Conv",
    "FeaturePyramid",
    "FrozenBatchNorm",
    "GroupNorm",
    "Initial",
    "InitialValues",
    "LayerNorm",
    "Limits",
    "Linear",
    "Objects",
    "Pyramid",
    "RegionCounts",
    "RegionHeads",
    "Regions",
    "SampledRegions",
    "Sequential",
    "TwoMoreLevels",
    "TwoStage",
    "at_matches",
    "average_pool",
    "batched_nms",
    "box_iou",
    "build_two_stage",
    "clip_boxes",
    "current_valid_rows",
    "cut_masks",
    "decode_boxes",
    "detections_at",
    "encode_boxes",
    "in_precision_of",
    "match_boxes",
    "max_pool",
    "mean_over",
    "normal",
    "normal_by_fan_out",
    "ones",
    "over_occupied_parts",
    "padded_conv",
    "pool_regions",
    "residual_stages",
    "results_in_turn",
    "subsampled_level",
    "uniform_by_fan_in",
    "uniform_by_variance",
    "valid_rows",
    "with_norms",
    "zeros",
]
