"""The twin's hooks."""

from __future__ import annotations

from vistry.plugin import ModelCard, Module, Values, hookimpl


@hookimpl
def vistry_build_model(card: ModelCard, num_classes: int, hyperparameters: Values, backend: str) -> Module:
    if card.name == "foreign":
        from vistry_twin.foreign_model import Foreign

        return Foreign(num_classes, hyperparameters["random_seed"])
    if backend == "jax":
        from vistry_twin import flax_model

        return flax_model.build(num_classes, card.args["dropout"], hyperparameters["random_seed"])
    from vistry_twin import torch_model

    return torch_model.build(num_classes, card.args["dropout"])
