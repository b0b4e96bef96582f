"""Boxes in single precision, in whatever precision a network computes: bfloat16 has no odd numbers above 256."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torchvision.models.detection.anchor_utils import AnchorGenerator


class Anchors(AnchorGenerator):  # type: ignore[misc]
    """torchvision's anchors in float32, where it gives them the dtype of the maps."""

    def set_cell_anchors(self, dtype: torch.dtype, device: torch.device) -> None:  # noqa: ARG002
        """Place the anchors of one cell on the device."""
        super().set_cell_anchors(torch.float32, device)


def with_single_precision(module: nn.Module) -> nn.Module:
    """Make a module's floating-point results float32, because torchvision computes boxes in their dtype."""
    module.register_forward_hook(lambda _module, _inputs, results: _to_float(results))
    return module


def _to_float(results: Any) -> Any:
    if isinstance(results, Tensor):
        return results.float() if results.is_floating_point() else results
    return type(results)(_to_float(one) for one in results)
