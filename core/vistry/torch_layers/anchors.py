"""Anchors in float32, in whatever precision a network computes: bfloat16 has no odd numbers above 256."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torchvision.models.detection.anchor_utils import AnchorGenerator


class Anchors(AnchorGenerator):  # type: ignore[misc]
    """torchvision's anchors in float32, where it gives them the dtype of the maps."""

    def set_cell_anchors(self, dtype: torch.dtype, device: torch.device) -> None:  # noqa: ARG002
        """Place the anchors of one cell on the device."""
        super().set_cell_anchors(torch.float32, device)

    def placed(self, images: torch.Tensor, maps: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        """Return the anchors [h * w * A, 4] of each map of images [N, 3, H, W], by row, then column, then anchor.

        They are those of a call, made so that torch.export can follow for images of any size.
        """
        levels = []
        for cell, one in zip(self.cell_anchors, maps, strict=True):
            height, width = one.shape[-2:]
            down = torch.arange(height, device=images.device) * (images.shape[-2] // height)
            across = torch.arange(width, device=images.device) * (images.shape[-1] // width)
            y, x = torch.meshgrid(down, across, indexing="ij")
            shifts = torch.stack([x, y, x, y], dim=-1).reshape(-1, 1, 4)
            levels.append((shifts + cell).reshape(-1, 4).to(torch.float32))
        return levels
