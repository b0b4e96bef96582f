"""Mask R-CNN as a torch module."""

from __future__ import annotations

from torch import nn
from torchvision.models.detection import MaskRCNN
from vistry.plugin import Backbone, Values
from vistry.torch_layers import TwoStage, pyramid_pooling, two_stage_arguments

from vistry_maskrcnn.settings import MASK_BINS, MASK_LOGIT_STD


def build(num_classes: int, hyperparameters: Values, backbone: Backbone) -> nn.Module:
    """Build torchvision's MaskRCNN with its own settings, for padded images; its first masks are undecided."""
    with_background = num_classes + 1
    model = MaskRCNN(
        num_classes=with_background,
        mask_roi_pool=pyramid_pooling(MASK_BINS),
        **two_stage_arguments(hyperparameters, backbone),
    )
    # torchvision draws the last layer's weights the larger, the fewer classes there are. With one class the first loss
    # of masks is 20 in place of log 2, and training diverges; near 0, each pixel is as likely inside as outside.
    nn.init.normal_(model.roi_heads.mask_predictor.mask_fcn_logits.weight, std=MASK_LOGIT_STD)
    return TwoStage(model)
