"""Hooks that several families share, for their hooks modules; torch is imported when one is called."""

from __future__ import annotations

from collections.abc import Callable, Collection
from inspect import signature
from typing import Any

from vistry.plugin.hooks import hookimpl
from vistry.plugin.types import Module, Values
from vistry.registry.cards import ModelCard
from vistry.torch_layers.backbone_norm import resolve_norm

BuildFeatureMaps = Callable[[ModelCard, Values, str], Module | None]


@hookimpl
def vistry_resolve_auto(hyperparameters: Values, weight_names: Collection[str]) -> dict[str, Any]:
    """Resolve `backbone_norm = "auto"` by the weights that training starts from."""
    return resolve_norm(hyperparameters, weight_names)


def feature_maps_of_children(
    build_model: Callable[..., Module], outputs: Collection[str], in_jax: Callable[..., Module] | None = None
) -> BuildFeatureMaps:
    """Return a `vistry_build_feature_maps` whose maps are the outputs of some children of the model, in torch.

    Args:
        build_model: the plugin's `vistry_build_model`, with the arguments that it names.
        outputs: the names of the children, from fine to coarse; the layers after the last one are left out.
        in_jax: builds the same for JAX, with the arguments of the hook that it names; None where there are no maps.
    """

    @hookimpl
    def vistry_build_feature_maps(card: ModelCard, hyperparameters: Values, backend: str) -> Module | None:
        """Build the network up to the last of its feature maps."""
        arguments = {"card": card, "num_classes": 1, "hyperparameters": hyperparameters, "backend": backend}
        if backend == "jax":
            return None if in_jax is None else _asked(in_jax, arguments)
        from vistry.torch_layers.stages import Stages

        return Stages(_asked(build_model, arguments), outputs)

    return vistry_build_feature_maps


def _asked(build: Callable[..., Module], arguments: dict[str, Any]) -> Module:
    """Return what a function builds with those of the arguments that it names."""
    return build(**{name: arguments[name] for name in signature(build).parameters})
