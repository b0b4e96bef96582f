"""MobileNetV2's hooks."""

from __future__ import annotations

from vistry.plugin import ModelCard, Module, PreprocessingSpec, Values, hookimpl

TENSORFLOW = PreprocessingSpec(mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5))


@hookimpl
def vistry_build_model(num_classes: int, hyperparameters: Values, backend: str) -> Module:
    """Build MobileNetV2 1.0, padded as its weights were trained."""
    convention = hyperparameters["weights_convention"]
    if backend == "jax":
        from vistry_mobilenetv2 import flax_model

        return flax_model.build(num_classes, convention, hyperparameters["random_seed"])
    from vistry_mobilenetv2 import torch_model

    return torch_model.build(num_classes, convention)


@hookimpl
def vistry_build_feature_maps(hyperparameters: Values, backend: str) -> Module:
    """Build the network up to its last block, with the maps of the last block at each stride."""
    convention = hyperparameters["weights_convention"]
    if backend == "jax":
        from vistry_mobilenetv2 import flax_model

        return flax_model.build_feature_maps(convention, hyperparameters["random_seed"])
    from vistry_mobilenetv2 import torch_model

    return torch_model.FeatureMaps(torch_model.build(1, convention))


@hookimpl
def vistry_preprocessing(card: ModelCard, hyperparameters: Values) -> PreprocessingSpec:
    """Return the manifest's mean and deviation; weights of TensorFlow's convention want pixels in [-1, 1]."""
    return TENSORFLOW if hyperparameters["weights_convention"] == "tensorflow" else card.preprocessing
