"""Batch norms folded into the convolutions before them, which makes prediction on a processor faster."""

from __future__ import annotations

import copy
import sys

import torch
from torch import nn
from torch.fx.experimental.optimization import fuse

from vistry.torch_layers.precision import copy_precision
from vistry.training.engines.torch.module import BATCH_NORMS


def with_folded_norms(module: nn.Module) -> nn.Module:
    """Return a copy for prediction in fp32 without batch norms, equal up to rounding. The module is in evaluation mode.

    Where torch.fx can't trace the module, because its control flow depends on the images, the parts are folded that
    can be traced.
    """
    try:
        folded = _fused(module.eval())
    except Exception:  # torch.fx promises no type of error for a module that it can't trace
        folded = copy.deepcopy(module)
        if "torchvision" in sys.modules:  # else nothing can hold its frozen norms, which torch.fx doesn't know
            from vistry.torch_layers.norms import with_batch_norms

            with_batch_norms(folded)
        _fold_parts(folded)
    return folded.to(memory_format=torch.channels_last)


def _fused(module: nn.Module) -> nn.Module:
    return copy_precision(module, fuse(module))


def _fold_parts(module: nn.Module) -> None:
    """Exchange the largest parts of a module that have batch norms and can be traced."""
    for name, child in list(module.named_children()):
        if any(isinstance(part, BATCH_NORMS) for part in child.modules()):
            try:
                setattr(module, name, _fused(child))
            except Exception:
                _fold_parts(child)
