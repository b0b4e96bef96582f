"""A network small enough to train in a test, and a kernel."""

from __future__ import annotations

import torch
from torch import nn


class Network(nn.Module):
    def __init__(
        self,
        num_classes: int,
        channels: int,
        extra_channels: int,
        dropout: float,
        scaled: bool,
        activation: str,
        note: str | None,
    ) -> None:
        super().__init__()
        width = channels + extra_channels
        self.stem = nn.Conv2d(3, width, 3, stride=2, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(width)
        self.body = nn.Conv2d(width, width, 3, padding=1)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(width, num_classes)
        self.activation = {"relu": nn.ReLU(), "silu": nn.SiLU()}[activation]
        self.scale = width**-0.5 if scaled else 1.0
        self.note = note

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        features = self.activation(self.norm(self.stem(images)))
        features = self.activation(self.body(features)).mean(dim=(2, 3)) * self.scale
        logits: torch.Tensor = self.head(self.dropout(features))
        return logits


class FeatureMaps(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, width, 3, stride=2, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(width)
        self.body = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, images: torch.Tensor) -> list[torch.Tensor]:
        return [torch.relu(self.body(torch.relu(self.norm(self.stem(images)))))]


def square(x: torch.Tensor) -> torch.Tensor:
    return x.square()


def fast_square(x: torch.Tensor) -> torch.Tensor:
    return x * x


def samples(dtype: torch.dtype, device: str) -> list[tuple[torch.Tensor]]:
    return [(torch.linspace(-2, 2, 32, dtype=dtype, device=device),)]
