"""RetinaNet's hooks."""

from __future__ import annotations

from vistry.plugin import Backbone, Module, Values, hookimpl
from vistry.torch_layers import vistry_resolve_auto

__all__ = ["vistry_build_exportable", "vistry_build_model", "vistry_resolve_auto"]


@hookimpl
def vistry_build_model(num_classes: int, hyperparameters: Values, backend: str, backbone: Backbone) -> Module:
    """Build RetinaNet on a backbone's feature maps: of torchvision's parts, or their twins in Flax."""
    if backend == "jax":
        from vistry_retinanet import flax_model

        return flax_model.build(num_classes, hyperparameters, backbone)
    from vistry_retinanet import torch_model

    return torch_model.build(num_classes, hyperparameters, backbone)


@hookimpl
def vistry_build_exportable(module: Module) -> Module:
    """Build a RetinaNet that can be exported around the trained one."""
    from vistry_retinanet.torch_model import ExportableRetinaNet

    return ExportableRetinaNet(module)
