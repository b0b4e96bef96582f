"""RetinaNet's hooks."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from vistry.plugin import Backbone, hookimpl


@hookimpl
def vistry_build_model(num_classes: int, hyperparameters: Mapping[str, Any], backbone: Backbone) -> Any:
    """RetinaNet of torchvision's parts on a backbone's feature maps."""
    from vistry_retinanet import torch_model

    return torch_model.build(num_classes, hyperparameters, backbone)


@hookimpl
def vistry_resolve_auto(hyperparameters: Mapping[str, Any], weight_names: Collection[str]) -> dict[str, Any]:
    """The backbone's norms."""
    from vistry.torch_layers import resolve_norm

    return resolve_norm(hyperparameters, weight_names)
