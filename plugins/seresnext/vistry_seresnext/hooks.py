"""SE-ResNeXt's hooks."""

from __future__ import annotations

from vistry.plugin import Module, Values, hookimpl
from vistry.torch_layers import feature_maps_of_children


@hookimpl
def vistry_build_model(num_classes: int, hyperparameters: Values, backend: str) -> Module:
    """Build SE-ResNeXt-50 32x4d: timm's legacy_seresnext50_32x4d without dropout, or its twin in Flax."""
    if backend == "jax":
        from vistry_seresnext import flax_model

        return flax_model.build(num_classes, hyperparameters["random_seed"])
    from vistry_seresnext import torch_model

    return torch_model.build(num_classes)


def _in_jax(hyperparameters: Values) -> Module:
    from vistry_seresnext import flax_model

    return flax_model.build_feature_maps(hyperparameters["random_seed"])


vistry_build_feature_maps = feature_maps_of_children(
    vistry_build_model, ("layer1", "layer2", "layer3", "layer4"), in_jax=_in_jax
)
