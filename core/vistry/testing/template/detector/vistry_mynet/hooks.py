"""The hooks of mynet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vistry.plugin import Backbone, ModelCard, Values, hookimpl
from vistry.torch_layers import vistry_resolve_auto

if TYPE_CHECKING:
    from torch import nn

__all__ = ["vistry_build_model", "vistry_resolve_auto"]  # the latter decides backbone_norm = "auto"


@hookimpl
def vistry_build_model(
    card: ModelCard, num_classes: int, hyperparameters: Values, backbone: Backbone | None
) -> nn.Module:
    """Build a model on an installed backbone, or on the body of its own where there is none."""
    from .model import Net, own_backbone  # here, so that a question to the registry doesn't import torch

    return Net(num_classes, hyperparameters, backbone or own_backbone(**card.args))
