"""ResNet's hooks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vistry.plugin import ModelCard, hookimpl


@hookimpl
def vistry_build_model(card: ModelCard, num_classes: int, hyperparameters: Mapping[str, Any], backend: str) -> Any:
    """A ResNet of basic blocks or bottlenecks: torchvision's, or its twin in Flax."""
    if backend == "jax":
        from vistry_resnet import flax_model

        return flax_model.build(card.args["block"], card.args["layers"], num_classes, hyperparameters["random_seed"])
    from torchvision.models.resnet import BasicBlock, Bottleneck, ResNet

    block = {"basic": BasicBlock, "bottleneck": Bottleneck}[card.args["block"]]
    return ResNet(block, list(card.args["layers"]), num_classes=num_classes)


@hookimpl
def vistry_build_feature_maps(card: ModelCard, hyperparameters: Mapping[str, Any], backend: str) -> Any:
    """The outputs of layer1 to layer4."""
    if backend != "torch":
        return None
    from vistry.torch_layers import Stages

    network = vistry_build_model(card, 1, hyperparameters, backend)
    return Stages(network, ("layer1", "layer2", "layer3", "layer4"))
