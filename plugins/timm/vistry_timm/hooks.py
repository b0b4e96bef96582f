"""timm's hooks."""

from __future__ import annotations

from vistry.plugin import ModelCard, Module, Problem, Values, hookimpl

_HIGHEST_FOR_ADAM = 0.002


@hookimpl
def vistry_build_model(card: ModelCard, num_classes: int) -> Module:
    """Build the network that timm has under the model's name."""
    from vistry_timm.networks import build

    return build(card.name, num_classes)


@hookimpl
def vistry_build_feature_maps(card: ModelCard, backend: str) -> Module | None:
    """Build the network up to the last of its maps, for images of any multiple of 32."""
    if backend != "torch" or card.feature_maps is None:
        return None
    from vistry_timm.networks import as_feature_maps, build
    from vistry_timm.norms import with_exchangeable_norms

    network = build(card.name, 1, card.args.get("maps"))
    return with_exchangeable_norms(as_feature_maps(network, card.feature_maps.strides))


@hookimpl
def vistry_check_hyperparameters(hyperparameters: Values) -> list[Problem]:
    """Warn about a rate for SGD with an optimiser of the Adam family, which moves every weight by about the rate."""
    optimizer, rate = hyperparameters.get("optimizer"), hyperparameters.get("learning_rate")
    if optimizer not in ("adam", "adamw") or rate is None or rate <= _HIGHEST_FOR_ADAM:
        return []
    message = f"{rate} is a rate for sgd; with {optimizer} networks are fine-tuned at 0.0001 to 0.001"
    return [Problem("learning_rate", message, "set it, for example to 0.0005", "warning")]
