"""The hooks of the tiny network."""

from __future__ import annotations

from typing import Any

from vistry.plugin import hookimpl


@hookimpl
def vistry_build_model(num_classes: int) -> Any:
    from collections import OrderedDict

    from torch import nn

    layers = OrderedDict(
        conv1=nn.Conv2d(3, 16, 3, padding=1, bias=False),
        bn1=nn.BatchNorm2d(16),
        relu1=nn.ReLU(),
        pool1=nn.MaxPool2d(2),
        conv2=nn.Conv2d(16, 32, 3, padding=1, bias=False),
        bn2=nn.BatchNorm2d(32),
        relu2=nn.ReLU(),
        pool2=nn.AdaptiveAvgPool2d(4),
        flat=nn.Flatten(),
        dropout=nn.Dropout(0.1),
        head=nn.Linear(512, num_classes),
    )
    return nn.Sequential(layers)
