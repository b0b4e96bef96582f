"""SE-ResNeXt's hooks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vistry.plugin import hookimpl


@hookimpl
def vistry_build_model(num_classes: int, hyperparameters: Mapping[str, Any], backend: str) -> Any:
    """SE-ResNeXt-50 32x4d: timm's legacy_seresnext50_32x4d without dropout, or its twin in Flax."""
    if backend == "jax":
        from vistry_seresnext import flax_model

        return flax_model.build(num_classes, hyperparameters["random_seed"])
    from vistry_seresnext import torch_model

    return torch_model.build(num_classes)


@hookimpl
def vistry_build_feature_maps(hyperparameters: Mapping[str, Any], backend: str) -> Any:
    """The outputs of layer1 to layer4."""
    if backend != "torch":
        return None
    from vistry.torch_layers import Stages

    network = vistry_build_model(1, hyperparameters, backend)
    return Stages(network, ("layer1", "layer2", "layer3", "layer4"))
