"""RetinaNet's hooks."""

from __future__ import annotations

from vistry.plugin import Backbone, Module, Values, hookimpl
from vistry.torch_layers import vistry_resolve_auto

__all__ = ["vistry_build_model", "vistry_resolve_auto"]


@hookimpl
def vistry_build_model(num_classes: int, hyperparameters: Values, backbone: Backbone) -> Module:
    """Build RetinaNet of torchvision's parts on a backbone's feature maps."""
    from vistry_retinanet import torch_model

    return torch_model.build(num_classes, hyperparameters, backbone)
