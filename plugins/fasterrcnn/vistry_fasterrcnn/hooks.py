"""Faster R-CNN's hooks."""

from __future__ import annotations

from vistry.plugin import Backbone, Module, Values, hookimpl
from vistry.torch_layers import vistry_resolve_auto

__all__ = ["vistry_build_exportable", "vistry_build_model", "vistry_resolve_auto"]


@hookimpl
def vistry_build_model(num_classes: int, hyperparameters: Values, backend: str, backbone: Backbone) -> Module:
    """Build Faster R-CNN on a backbone's feature maps: of torchvision's parts, or its twin in Flax."""
    if backend == "jax":
        from vistry_fasterrcnn import flax_model

        return flax_model.build(num_classes, hyperparameters, backbone)
    from vistry_fasterrcnn import torch_model

    return torch_model.build(num_classes, hyperparameters, backbone)


@hookimpl
def vistry_build_exportable(module: Module) -> Module:
    """Build a Faster R-CNN that can be exported around the trained one."""
    from vistry.torch_layers import ExportableTwoStage

    return ExportableTwoStage(module)
