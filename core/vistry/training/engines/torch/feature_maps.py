"""The check of a backbone's first feature maps in torch."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import nn

from vistry.plugin.types import Tensor

CheckMaps = Callable[[Sequence[tuple[int, int, int]] | None, tuple[int, int]], None]


def on_first_maps(module: nn.Module, check: CheckMaps) -> None:
    """Let the first feature maps of a backbone be checked, in its first forward pass."""

    def hook(module: nn.Module, arguments: tuple[Tensor, ...], maps: Tensor) -> None:
        # A copy of the module, such as an average of its weights, has its own list of hooks with this one in it.
        for key in [key for key, other in module._forward_hooks.items() if other is hook]:
            del module._forward_hooks[key]
        images: torch.Tensor = arguments[0]
        check(_shapes(maps), (int(images.shape[2]), int(images.shape[3])))

    module.register_forward_hook(hook)


def _shapes(maps: Tensor) -> list[tuple[int, int, int]] | None:
    """Return channels, height and width of each map [N, C, H, W]; None where these are no maps."""
    if not isinstance(maps, list | tuple) or not all(getattr(one, "ndim", 0) == 4 for one in maps):
        return None
    return [(int(one.shape[1]), int(one.shape[2]), int(one.shape[3])) for one in maps]
