"""The network of mynet."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import nn


class Net(nn.Module):
    """A stage for each width, the mean over the image, and a linear head."""

    def __init__(self, num_classes: int, dropout: float, widths: Sequence[int]) -> None:
        super().__init__()
        self.stages = nn.Sequential(*(stage(inputs, outputs) for inputs, outputs in pairwise((3, *widths))))
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(widths[-1], num_classes)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Images [N, 3, H, W] to logits [N, num_classes]."""
        features = self.stages(images).mean(dim=(2, 3))
        logits: torch.Tensor = self.head(self.dropout(features))
        return logits


def stage(inputs: int, outputs: int) -> nn.Sequential:
    """[N, inputs, H, W] to [N, outputs, H / 2, W / 2]."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride=2, padding=1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(),
        nn.Conv2d(outputs, outputs, 3, padding=1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(),
    )
