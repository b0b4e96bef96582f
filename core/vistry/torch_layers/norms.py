"""The norms that a detector can train with, in place of a network's batch norms."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional
from torchvision.ops import FrozenBatchNorm2d

GROUPS = 32  # the paper's default


class GroupNorm(nn.GroupNorm):
    """Group norm (Wu and He, 2018) of [N, C, H, W] in at most 32 groups, each of at least two channels.

    A map of one pixel, as in a squeezed attention, is one group: normalising two values leaves only their order.
    """

    def __init__(self, channels: int, eps: float):
        limit = max(1, min(GROUPS, channels // 2))
        groups = next(count for count in range(limit, 0, -1) if channels % count == 0)
        super().__init__(groups, channels, eps)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the map, normalised."""
        groups = 1 if x.shape[2:].numel() == 1 else self.num_groups
        return functional.group_norm(x, groups, self.weight, self.bias, self.eps)


def with_norms(module: nn.Module, kind: str) -> nn.Module:
    """Exchange each BatchNorm2d of a module in place, and return the module.

    `kind`: "frozen" has the tensors of a batch norm, "group" has no statistics, "batch" changes nothing. A norm that
    does more than normalise has a method `exchanged(kind)`, which returns what takes its place.
    """
    for name, child in list(module.named_children()):
        if isinstance(child, nn.BatchNorm2d):
            if kind != "batch":
                exchange = getattr(child, "exchanged", None)
                setattr(module, name, exchange(kind) if exchange else exchanged(child, kind))
        else:
            with_norms(child, kind)
    return module


def exchanged(norm: nn.BatchNorm2d, kind: str) -> nn.Module:
    """Return the "frozen" or the "group" norm that takes the place of a batch norm."""
    if kind == "group":
        return GroupNorm(norm.num_features, norm.eps)
    frozen: nn.Module = FrozenBatchNorm2d(norm.num_features, norm.eps)
    state = {name: value for name, value in norm.state_dict().items() if name != "num_batches_tracked"}
    frozen.load_state_dict(state)
    return frozen


def with_batch_norms(module: nn.Module) -> nn.Module:
    """Exchange each frozen norm for a BatchNorm2d that computes the same in evaluation mode; return the module."""
    for name, child in list(module.named_children()):
        # One of a class of its own may do more than normalise.
        if isinstance(child, FrozenBatchNorm2d) and type(child) is FrozenBatchNorm2d:
            norm = nn.BatchNorm2d(len(child.weight), child.eps)
            norm.load_state_dict(child.state_dict(), strict=False)
            setattr(module, name, norm.eval())
        else:
            with_batch_norms(child)
    return module
