"""MobileNetV2 as a torch module."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional
from torchvision.models import mobilenet_v2
from vistry.torch_layers import Stages


class SamePaddedConv2d(nn.Conv2d):
    """A convolution padded as TensorFlow's "SAME": an odd pixel of padding goes to the right and the bottom."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """[N, C, H, W] to [N, C', ceil(H / stride), ceil(W / stride)]."""
        padding: list[int] = []
        for axis in (1, 0):
            size, stride, kernel = images.shape[2 + axis], self.stride[axis], self.kernel_size[axis]
            total = max(0, (-(-size // stride) - 1) * stride + kernel - size)
            padding += [total // 2, total - total // 2]
        result: torch.Tensor = self._conv_forward(functional.pad(images, padding), self.weight, self.bias)
        return result


class FeatureMaps(nn.Module):
    """MobileNetV2's `features`, with the output of the last one at each of the strides 4, 8, 16 and 32."""

    def __init__(self, model: nn.Module):
        super().__init__()
        self.features = Stages(model.features, ("3", "6", "13", "18"))  # type: ignore[arg-type]

    def forward(self, images: torch.Tensor) -> list[torch.Tensor]:
        """[N, 3, H, W] to [N, 24, H / 4, W / 4], [N, 32, H / 8, W / 8], 96 channels at 16, and 1280 at 32."""
        maps: list[torch.Tensor] = self.features(images)
        return maps


def build(num_classes: int, convention: str) -> nn.Module:
    """Build torchvision's mobilenet_v2, which maps images [N, 3, H, W] to logits [N, num_classes]."""
    model: nn.Module = mobilenet_v2(weights=None, num_classes=num_classes)
    for module in list(model.modules()):
        if isinstance(module, nn.ReLU6):
            module.inplace = False  # in place, its input is copied for the backward pass
        if convention == "tensorflow":
            _pad_as_tensorflow(module)
    return model


def _pad_as_tensorflow(module: nn.Module) -> None:
    """Replace the strided convolutions among a module's children; weights and names stay."""
    for name, child in module.named_children():
        if isinstance(child, nn.Conv2d) and child.stride != (1, 1):
            same = SamePaddedConv2d(
                child.in_channels,
                child.out_channels,
                child.kernel_size,  # type: ignore[arg-type]
                child.stride,  # type: ignore[arg-type]
                groups=child.groups,
                bias=child.bias is not None,
                device="meta",
            )
            same.weight, same.bias = child.weight, child.bias
            setattr(module, name, same)
