"""ResNet's hooks."""

from __future__ import annotations

from vistry.plugin import ModelCard, Module, Values, hookimpl
from vistry.torch_layers import feature_maps_of_children


@hookimpl
def vistry_build_model(card: ModelCard, num_classes: int, hyperparameters: Values, backend: str) -> Module:
    """Build a ResNet of basic blocks or bottlenecks: torchvision's, or its twin in Flax."""
    if backend == "jax":
        from vistry_resnet import flax_model

        return flax_model.build(card.args["block"], card.args["layers"], num_classes, hyperparameters["random_seed"])
    from torchvision.models.resnet import BasicBlock, Bottleneck, ResNet

    block = {"basic": BasicBlock, "bottleneck": Bottleneck}[card.args["block"]]
    return ResNet(block, list(card.args["layers"]), num_classes=num_classes)


def _in_jax(card: ModelCard, hyperparameters: Values) -> Module:
    from vistry_resnet import flax_model

    return flax_model.build_feature_maps(card.args["block"], card.args["layers"], hyperparameters["random_seed"])


vistry_build_feature_maps = feature_maps_of_children(
    vistry_build_model, ("layer1", "layer2", "layer3", "layer4"), in_jax=_in_jax
)
