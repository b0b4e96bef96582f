"""The moving average of a torch module's tensors."""

from __future__ import annotations

import torch
from torch import nn


@torch.no_grad()
def update_ema(average: nn.Module, module: nn.Module, step: float) -> None:
    """Move every tensor of the average by the share `step` of the way to the module's; copy whole numbers.

    A tensor that several names share moves once.
    """
    tensors, moved = module.state_dict(keep_vars=True), set()
    for name, value in average.state_dict(keep_vars=True).items():
        if id(value) in moved:
            continue
        moved.add(id(value))
        if value.is_floating_point():
            value.lerp_(tensors[name], step)
        else:
            value.copy_(tensors[name])
