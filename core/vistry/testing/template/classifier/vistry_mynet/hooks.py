"""The hooks of mynet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vistry.plugin import ModelCard, Values, hookimpl

if TYPE_CHECKING:
    from torch import nn


@hookimpl
def vistry_build_model(card: ModelCard, num_classes: int, hyperparameters: Values) -> nn.Module:
    """Build a model of the manifest: images [N, 3, H, W] to logits [N, num_classes]."""
    from .model import Net  # here, so that a question to the registry doesn't import torch

    return Net(num_classes, dropout=hyperparameters["dropout"], **card.args)
