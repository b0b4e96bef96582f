"""ResNet for torch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vistry.hooks import hookimpl
from vistry.registry.cards import ModelCard

if TYPE_CHECKING:
    from torch import nn


@hookimpl
def vistry_build_model(card: ModelCard, num_classes: int) -> nn.Module:
    """torchvision's ResNet: images [N, 3, H, W] to logits [N, num_classes]."""
    from torchvision.models.resnet import BasicBlock, Bottleneck, ResNet

    block = {"basic": BasicBlock, "bottleneck": Bottleneck}[card.args["block"]]
    model: nn.Module = ResNet(block, list(card.args["layers"]), num_classes=num_classes)
    return model
