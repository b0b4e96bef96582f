"""The hooks of mynet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vistry.plugin import ModelCard, hookimpl
from vistry.torch_layers import feature_maps_of_children

if TYPE_CHECKING:
    from torch import nn


@hookimpl
def vistry_build_model(card: ModelCard, num_classes: int) -> nn.Module:
    """Build a model of the manifest: images [N, 3, H, W] to logits [N, num_classes]."""
    from .model import Net  # here, so that a question to the registry doesn't import torch

    return Net(num_classes, **card.args)


# The outputs of these children, in the order of the manifest; what comes after the last one is left out.
vistry_build_feature_maps = feature_maps_of_children(vistry_build_model, ("stage1", "stage2", "stage3", "stage4"))
