"""Boxes in single precision whatever a network computes in: a bfloat16 tells pixels apart only up to 256."""

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
    """The module, whose floating-point results are made float32: torchvision computes boxes in their dtype."""
    module.register_forward_hook(lambda _module, _inputs, results: _single(results))
    return module


def _single(results: Any) -> Any:
    if isinstance(results, Tensor):
        return results.float() if results.is_floating_point() else results
    return type(results)(_single(one) for one in results)
