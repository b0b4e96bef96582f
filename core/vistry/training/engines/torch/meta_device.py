"""Modules without numbers: torch's meta device knows names and shapes, and computes nothing."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn


def on_meta_device(build: Callable[[], nn.Module]) -> nn.Module:
    """Build a module whose tensors have shapes and no values."""
    with torch.device("meta"):
        return build()


def output_shape(build: Callable[[], nn.Module], images: tuple[int, int, int, int]) -> tuple[int, ...]:
    """Return the shape of a module's output for images [N, H, W, 3] of this shape."""
    count, height, width, channels = images
    with torch.device("meta"), torch.no_grad():
        return tuple(build().eval()(torch.empty(count, channels, height, width)).shape)
