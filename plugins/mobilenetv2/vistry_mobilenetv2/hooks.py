"""MobileNetV2 for torch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vistry.hooks import hookimpl

if TYPE_CHECKING:
    from torch import nn


@hookimpl
def vistry_build_model(num_classes: int) -> nn.Module:
    """torchvision's mobilenet_v2: images [N, 3, H, W] to logits [N, num_classes]."""
    from torchvision.models import mobilenet_v2

    model: nn.Module = mobilenet_v2(weights=None, num_classes=num_classes)
    return model
