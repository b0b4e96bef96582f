"""The twin in torch."""

from __future__ import annotations

from collections import OrderedDict

from torch import nn


def _part(inputs: int, outputs: int, stride: int = 1, groups: int = 1) -> list[nn.Module]:
    convolution = nn.Conv2d(inputs, outputs, 3, stride, 1, groups=groups, bias=False)
    return [convolution, nn.BatchNorm2d(outputs), nn.ReLU()]


def build(num_classes: int, dropout: float) -> nn.Module:
    return nn.Sequential(
        OrderedDict(
            stem=nn.Sequential(*_part(3, 16)),
            pool=nn.MaxPool2d(3, 2, 1),
            body=nn.Sequential(*_part(16, 16, groups=16), *_part(16, 32, stride=2, groups=4), *_part(32, 32)),
            mean=nn.AdaptiveAvgPool2d(1),
            flat=nn.Flatten(),
            dropout=nn.Dropout(dropout),
            head=nn.Linear(32, num_classes),
        )
    )
