"""The batch norms of a network exchanged for what a detector can train with."""

from __future__ import annotations

from collections.abc import Mapping
from math import gcd
from typing import Any

from torch import nn
from torchvision.ops import FrozenBatchNorm2d

GROUPS = 32
KINDS = ("auto", "frozen", "batch", "group")


def norm_kind(hyperparameters: Mapping[str, Any]) -> str:
    """What `backbone_norm` means: "auto" is frozen statistics for a pretrained network, batch norm for a fresh one."""
    asked: str = hyperparameters["backbone_norm"]
    if asked != "auto":
        return asked
    fresh = hyperparameters["weights"] == "none" and hyperparameters["checkpoint_run_id"] is None
    return "batch" if fresh else "frozen"


def with_norms(module: nn.Module, kind: str) -> nn.Module:
    """The module with each BatchNorm2d exchanged: "frozen" has the same tensors as "batch", "group" no statistics.

    Group norm (Wu and He, 2018) has 32 groups, or as many as the channels can be divided into.
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
        return nn.GroupNorm(gcd(GROUPS, norm.num_features), norm.num_features, norm.eps)
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
