"""Faster R-CNN as a torch module."""

from __future__ import annotations

from torch import nn
from torchvision.models.detection import FasterRCNN
from vistry.plugin import Backbone, Values
from vistry.torch_layers import TwoStage, two_stage_arguments


def build(num_classes: int, hyperparameters: Values, backbone: Backbone) -> nn.Module:
    """Build torchvision's FasterRCNN with its own settings, for padded images."""
    with_background = num_classes + 1
    return TwoStage(FasterRCNN(num_classes=with_background, **two_stage_arguments(hyperparameters, backbone)))
