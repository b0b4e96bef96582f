"""Lion in both backends: Chen et al., Symbolic Discovery of Optimization Algorithms, arXiv:2302.06675, algorithm 2."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vistry.plugin import Values

if TYPE_CHECKING:
    import optax
    import torch


def torch_lion(groups: list[dict[str, Any]], hyperparameters: Values) -> torch.optim.Optimizer:
    """Lion over torch's groups of parameters, each with its weight decay."""
    from vistry_extras.torch_lion import Lion

    return Lion(groups, (hyperparameters["lion_beta1"], hyperparameters["lion_beta2"]))


def jax_lion(decay: optax.GradientTransformation, hyperparameters: Values) -> optax.GradientTransformation:
    """Lion as optax has it; the weight decay is apart from the sign."""
    import optax

    return optax.chain(optax.scale_by_lion(hyperparameters["lion_beta1"], hyperparameters["lion_beta2"]), decay)
