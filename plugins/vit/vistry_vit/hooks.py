"""The vision transformers' hooks."""

from __future__ import annotations

from vistry.plugin import ModelCard, Module, Problem, StateDict, Values, hookimpl

PATCH = 16


@hookimpl
def vistry_build_model(card: ModelCard, num_classes: int, hyperparameters: Values, backend: str) -> Module:
    """A vision transformer for images of one size: timm's, or its twin in Flax."""
    variant, size = card.args["variant"], hyperparameters["training_crop_size"]
    if backend == "jax":
        from vistry_vit import flax_model

        return flax_model.build(variant, size, num_classes, hyperparameters["random_seed"])
    from timm.models import vision_transformer

    return getattr(vision_transformer, variant)(pretrained=False, num_classes=num_classes, img_size=size)


@hookimpl
def vistry_check_hyperparameters(hyperparameters: Values) -> list[Problem]:
    """Training and validation have one crop size; what doesn't fill a patch isn't seen."""
    training, validation = hyperparameters["training_crop_size"], hyperparameters["validation_crop_size"]
    if training != validation:
        message = f"{training} is not validation_crop_size = {validation}; a vision transformer has one embedding for"
        remedy = "give both the same value"
        return [Problem("training_crop_size", f"{message} each place of a patch, and so one size", remedy)]
    if unseen := training % PATCH:
        message = f"{training} is no multiple of {PATCH}, so {unseen} pixels at two edges are in no patch"
        remedy = f"{training - unseen} and {training - unseen + PATCH} are multiples"
        return [Problem("training_crop_size", message, remedy, "warning")]
    return []


@hookimpl
def vistry_map_weights(state_dict: StateDict, hyperparameters: Values) -> StateDict:
    """Resample the position embedding of weights for another size to this one."""
    from vistry_vit.positions import resampled

    positions = state_dict.get("pos_embed")
    if positions is None:
        return state_dict
    return {**state_dict, "pos_embed": resampled(positions, hyperparameters["training_crop_size"] // PATCH)}
