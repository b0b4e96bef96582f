"""Values that are open, decided before a training: "auto" and unset ones, by the owners of the model."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from vistry.hyperparameter.schema import Source
from vistry.hyperparameter.values import Hyperparameters, Setting
from vistry.plugin import hooks
from vistry.training.model_context import ModelContext


def with_weights_named(context: ModelContext) -> ModelContext:
    """Return the same model with the name of a published set, or "none", in place of `weights = "auto"`."""
    if context.hyperparameters.weights != "auto":
        return context
    card, name = context.card, context.weights
    owner = card.backbone_of_weights(name) if name in card.weights else None
    values = context.hyperparameters.changed({"weights": name}, f"auto, of {owner or card.full_name}")
    return context.with_hyperparameters(values)


def with_auto_resolved(context: ModelContext, weight_names: Collection[str]) -> ModelContext:
    """Return the same model with "auto" and unset values decided by its owner.

    `weight_names` are the names of the initial weights' tensors, none for random ones: an owner may tell from them how
    the weights were trained. Raises BrokenPluginError for an answer out of range, or to a value that was set.
    """
    card, values = context.card, context.hyperparameters
    answers = context.owner.ask(
        hooks.vistry_resolve_auto,
        card=card,
        task=context.task.name,
        hyperparameters=values,
        weight_names=weight_names,
    )
    origin = f"auto, resolved by {card.family}"
    valid = context.schema.checked(Source.of({**answers, **_auto_of_backbone(context, weight_names)}, origin))
    settings = [
        Setting(name=name, value=value, origin=origin, given=values.given(name)) for name, value in valid.items()
    ]
    return context.with_hyperparameters(Hyperparameters([*values.settings.values(), *settings], values.warnings))


def _auto_of_backbone(context: ModelContext, weight_names: Collection[str]) -> dict[str, Any]:
    """Return what the backbone's owner decides about its own hyperparameters that are open."""
    backbone, values = context.card.backbone, context.hyperparameters
    if backbone is None or context.backbone_owner is None:
        return {}
    answers = context.backbone_owner.ask(
        hooks.vistry_resolve_auto,
        card=backbone,
        task=context.task.name,
        hyperparameters=values,
        weight_names=weight_names,
    )
    brought = backbone.hyperparameters
    return {name: value for name, value in answers.items() if name in brought and values.get(name) in (None, "auto")}
