"""SE-ResNeXt-50 as a torch module."""

from __future__ import annotations

import torch
from timm.models.senet import SEResNeXtBottleneck, legacy_seresnext50_32x4d
from torch import nn
from vistry.kernels import Operation, operation


class Block(SEResNeXtBottleneck):
    """timm's block, with its end as one operation: scaling by the gate, adding the shortcut, ReLU."""

    scale_add_relu: Operation

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[N, C, H, W] to [N, C', H / stride, W / stride]."""
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.relu(self.bn2(self.conv2(out)))
        out = self.bn3(self.conv3(out))
        shortcut = x if self.downsample is None else self.downsample(x)
        return self.scale_add_relu(out, self._gate(out), shortcut)

    def _gate(self, out: torch.Tensor) -> torch.Tensor:
        """Return the gate of each channel, [N, C, 1, 1] in [0, 1]."""
        excitation = self.se_module
        squeezed = excitation.relu(excitation.fc1(out.mean((2, 3), keepdim=True)))
        gate: torch.Tensor = excitation.sigmoid(excitation.fc2(squeezed))
        return gate


def build(num_classes: int) -> nn.Module:
    """Build timm's legacy_seresnext50_32x4d without dropout: images [N, 3, 224, 224] to logits [N, num_classes]."""
    model: nn.Module = legacy_seresnext50_32x4d(pretrained=False, num_classes=num_classes, drop_rate=0.0, block=Block)
    scale_add_relu = operation("scale_add_relu")
    for module in model.modules():
        if isinstance(module, Block):
            module.scale_add_relu = scale_add_relu
    return model
