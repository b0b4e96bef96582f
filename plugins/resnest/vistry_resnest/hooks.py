"""ResNeSt's hooks."""

from __future__ import annotations

from vistry.plugin import ModelCard, Module, Values, hookimpl
from vistry.torch_layers import feature_maps_of_children


@hookimpl
def vistry_build_model(card: ModelCard, num_classes: int, hyperparameters: Values, backend: str) -> Module:
    """Build a ResNeSt: timm's, or its twin in Flax."""
    if backend == "jax":
        from vistry_resnest import flax_model

        return flax_model.build(card.args["variant"], num_classes, hyperparameters["random_seed"])
    from timm.models import resnest

    return getattr(resnest, card.args["variant"])(pretrained=False, num_classes=num_classes)


def _in_jax(card: ModelCard, hyperparameters: Values) -> Module:
    from vistry_resnest import flax_model

    return flax_model.build_feature_maps(card.args["variant"], hyperparameters["random_seed"])


vistry_build_feature_maps = feature_maps_of_children(
    vistry_build_model, ("layer1", "layer2", "layer3", "layer4"), in_jax=_in_jax
)
