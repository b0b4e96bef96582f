"""Mask R-CNN as a torch module."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import nn
from torchvision.models.detection import MaskRCNN
from torchvision.ops.feature_pyramid_network import LastLevelMaxPool
from vistry.plugin import Backbone, score_floor
from vistry.torch_layers import Anchors, Pyramid, RegionPooling, TwoStage, norm_kind

STRIDES = (4, 8, 16, 32)
SIZES = ((32,), (64,), (128,), (256,), (512,))
ASPECTS = (0.5, 1.0, 2.0)
POOLED = ["0", "1", "2", "3"]
UNDECIDED = 0.001


def build(num_classes: int, hyperparameters: Mapping[str, Any], backbone: Backbone) -> nn.Module:
    """torchvision's MaskRCNN with its own settings, for padded images; at first each pixel may or may not be inside.

    torchvision draws the last layer's weights the larger, the fewer classes there are. With one class the first loss of
    masks is 20 in place of log 2, and training diverges.
    """
    pyramid = Pyramid(backbone, STRIDES, LastLevelMaxPool(), norm_kind(hyperparameters))
    model = MaskRCNN(
        pyramid,
        num_classes + 1,
        rpn_anchor_generator=Anchors(SIZES, (ASPECTS,) * len(SIZES)),
        box_roi_pool=RegionPooling(POOLED, output_size=7, sampling_ratio=2),
        mask_roi_pool=RegionPooling(POOLED, output_size=14, sampling_ratio=2),
        box_score_thresh=score_floor(hyperparameters["box_score_threshold"]),
        box_nms_thresh=hyperparameters["nms_iou_threshold"],
        box_detections_per_img=hyperparameters["box_detections_per_image"],
    )
    nn.init.normal_(model.roi_heads.mask_predictor.mask_fcn_logits.weight, std=UNDECIDED)
    return TwoStage(model)
