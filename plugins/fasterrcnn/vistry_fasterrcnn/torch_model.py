"""Faster R-CNN as a torch module."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import nn
from torchvision.models.detection import FasterRCNN
from torchvision.ops.feature_pyramid_network import LastLevelMaxPool
from vistry.plugin import Backbone, score_floor
from vistry.torch_layers import Anchors, Pyramid, RegionPooling, TwoStage, norm_kind

STRIDES = (4, 8, 16, 32)
SIZES = ((32,), (64,), (128,), (256,), (512,))
ASPECTS = (0.5, 1.0, 2.0)
POOLED = ["0", "1", "2", "3"]


def build(num_classes: int, hyperparameters: Mapping[str, Any], backbone: Backbone) -> nn.Module:
    """torchvision's FasterRCNN with its own settings, for padded images."""
    pyramid = Pyramid(backbone, STRIDES, LastLevelMaxPool(), norm_kind(hyperparameters))
    model = FasterRCNN(
        pyramid,
        num_classes + 1,
        rpn_anchor_generator=Anchors(SIZES, (ASPECTS,) * len(SIZES)),
        box_roi_pool=RegionPooling(POOLED, output_size=7, sampling_ratio=2),
        box_score_thresh=score_floor(hyperparameters["box_score_threshold"]),
        box_nms_thresh=hyperparameters["nms_iou_threshold"],
        box_detections_per_img=hyperparameters["box_detections_per_image"],
    )
    return TwoStage(model)
