"""A network without its head, for the maps that detectors are built on."""

from __future__ import annotations

from collections.abc import Collection

from torch import Tensor, nn


class Stages(nn.Module):
    """The children of a network in sequence, which returns the outputs of some of them.

    `outputs`: names of children. Children after the last of these are left out; the others keep their names.
    """

    def __init__(self, network: nn.Module, outputs: Collection[str]):
        super().__init__()
        self._outputs = frozenset(outputs)
        missing = len(self._outputs)
        for name, child in network.named_children():
            if missing:
                self.add_module(name, child)
                missing -= name in self._outputs
        if missing:
            raise ValueError(f"{type(network).__name__} doesn't have all of the children {sorted(self._outputs)}")

    def forward(self, images: Tensor) -> list[Tensor]:
        """[N, 3, H, W] to the outputs in order, from fine to coarse."""
        maps = []
        for name, child in self.named_children():
            images = child(images)
            if name in self._outputs:
                maps.append(images)
        return maps
