"""Anchors in float32, in whatever precision a network computes: bfloat16 has no odd numbers above 256."""

from __future__ import annotations

import torch
from torchvision.models.detection.anchor_utils import AnchorGenerator


class Anchors(AnchorGenerator):  # type: ignore[misc]
    """torchvision's anchors in float32, where it gives them the dtype of the maps."""

    def set_cell_anchors(self, dtype: torch.dtype, device: torch.device) -> None:  # noqa: ARG002
        """Place the anchors of one cell on the device."""
        super().set_cell_anchors(torch.float32, device)
