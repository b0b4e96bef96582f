"""The batch norms of a network exchanged for what a detector can train with."""

from __future__ import annotations

from torch import nn
from torchvision.ops import FrozenBatchNorm2d

GROUP = 16


def with_norms(module: nn.Module, kind: str) -> nn.Module:
    """The module with each BatchNorm2d exchanged: "frozen" has the same tensors as "batch", "group" no statistics.

    Group norm (Wu and He, 2018) has groups of 16 channels, or of the next larger number that divides them evenly: their
    other rule of 32 groups would leave each of 32 channels alone, and nothing of a map of one pixel.
    """
    for name, child in list(module.named_children()):
        if isinstance(child, nn.BatchNorm2d):
            if kind != "batch":
                setattr(module, name, _exchanged(child, kind))
        else:
            with_norms(child, kind)
    return module


def _exchanged(norm: nn.BatchNorm2d, kind: str) -> nn.Module:
    if kind == "group":
        channels = norm.num_features
        groups = next(count for count in range(max(1, channels // GROUP), 0, -1) if channels % count == 0)
        return nn.GroupNorm(groups, channels, norm.eps)
    frozen: nn.Module = FrozenBatchNorm2d(norm.num_features, norm.eps)
    state = {name: value for name, value in norm.state_dict().items() if name != "num_batches_tracked"}
    frozen.load_state_dict(state)
    return frozen


def with_batch_norms(module: nn.Module) -> nn.Module:
    """The module with each frozen norm exchanged for the BatchNorm2d that computes the same in evaluation mode."""
    for name, child in list(module.named_children()):
        if isinstance(child, FrozenBatchNorm2d):
            norm = nn.BatchNorm2d(len(child.weight), child.eps)
            norm.load_state_dict(child.state_dict(), strict=False)
            setattr(module, name, norm.eval())
        else:
            with_batch_norms(child)
    return module
