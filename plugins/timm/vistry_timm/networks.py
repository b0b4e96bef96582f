"""timm's networks: whole ones, and ones that return feature maps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from timm import create_model
from torch import nn

STRIDES = (4, 8, 16, 32)  # of the maps that detectors may ask for
NEEDED_STRIDES = (8, 16, 32)  # a network without these is no backbone


def build(name: str, num_classes: int, options: Mapping[str, Any] | None = None) -> nn.Module:
    """Build a classifier from random weights, by timm's name of it."""
    network: nn.Module = create_model(name, pretrained=False, num_classes=num_classes, **(options or {}))
    return network


def as_feature_maps(network: Any, strides: Sequence[int]) -> nn.Module:
    """Make of a classifier a network that maps images [N, 3, H, W] to its maps at these strides, from fine to coarse.

    What leads to its head alone is dropped, and the other tensors keep their names.
    """
    outputs = {output["reduction"]: at for at, output in enumerate(outputs_of(network))}
    indices = [outputs[stride] for stride in strides]
    network.map_indices = list(network.prune_intermediate_layers(indices, prune_norm=True, prune_head=True))
    # A class of its own in place of a wrapper: a wrapper would put its name before those of the tensors.
    network.__class__ = type("FeatureMaps", (type(network),), {"forward": _maps})
    return network  # type: ignore[no-any-return]


def strides_of(network: Any) -> list[int]:
    """The strides at which a network has feature maps, of those that detectors may ask for."""
    having = {output["reduction"] for output in outputs_of(network)}
    return [stride for stride in STRIDES if stride in having]


def outputs_of(network: Any) -> list[dict[str, Any]]:
    """What timm says of each intermediate output of a network: its channels and its stride."""
    described = getattr(network, "feature_info", None) or []
    return list(getattr(described, "info", described))


def _maps(self: Any, images: torch.Tensor) -> list[torch.Tensor]:
    maps: list[torch.Tensor] = self.forward_intermediates(
        images, indices=self.map_indices, intermediates_only=True, output_fmt="NCHW"
    )
    return maps
