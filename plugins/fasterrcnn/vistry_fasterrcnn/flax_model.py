"""Faster R-CNN as a Flax module, with the names, shapes and initial distributions of torchvision's."""

from __future__ import annotations

from vistry.flax_layers import TwoStage, build_two_stage
from vistry.plugin import Backbone, Values


def build(num_classes: int, hyperparameters: Values, backbone: Backbone) -> TwoStage:
    """Build Faster R-CNN with torchvision's settings."""
    return build_two_stage(num_classes, hyperparameters, backbone)
