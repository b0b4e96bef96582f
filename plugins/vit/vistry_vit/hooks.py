"""The vision transformers' hooks."""

from __future__ import annotations

from vistry.plugin import ModelCard, Module, Problem, StateDict, Values, hookimpl

PATCH = 16


@hookimpl
def vistry_build_model(card: ModelCard, num_classes: int, hyperparameters: Values, backend: str) -> Module:
    """Build a vision transformer for images of one size: timm's, or its twin in Flax."""
    variant, size = card.args["variant"], hyperparameters["training_crop_size"]
    if backend == "jax":
        from vistry_vit import flax_model

        return flax_model.build(variant, size, num_classes, hyperparameters["random_seed"])
    from timm.models import vision_transformer

    return getattr(vision_transformer, variant)(pretrained=False, num_classes=num_classes, img_size=size)


@hookimpl
def vistry_check_hyperparameters(hyperparameters: Values) -> list[Problem]:
    """Require one crop size for training and validation, and warn about pixels outside of every patch."""
    training, validation = hyperparameters["training_crop_size"], hyperparameters["validation_crop_size"]
    if training != validation:
        message = f"{training} differs from validation_crop_size = {validation}, but a vision transformer has one size"
        return [Problem("training_crop_size", message, "give both the same value")]
    if rest := training % PATCH:
        rule = f"is not a multiple of the patch size {PATCH}"
        message = f"{training} {rule}, so {rest} pixels at the right and bottom edges are ignored"
        remedy = f"use {training - rest} or {training - rest + PATCH}"
        return [Problem("training_crop_size", message, remedy, "warning")]
    return []


@hookimpl
def vistry_map_weights(state_dict: StateDict, hyperparameters: Values) -> StateDict:
    """Resample the position embedding of weights for another image size."""
    from vistry_vit.positions import resample_positions

    positions = state_dict.get("pos_embed")
    if positions is None:
        return state_dict
    return {**state_dict, "pos_embed": resample_positions(positions, hyperparameters["training_crop_size"] // PATCH)}
