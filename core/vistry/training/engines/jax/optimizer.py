"""The optimisers in optax, with torch's arithmetic, and their state as arrays by name."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from vistry.hyperparameter.values import Hyperparameters
from vistry.registry.manifest import GradientClipping
from vistry.training.engines.engine import Arrays

EPS = 1e-8


def make_optimizer(
    hyperparameters: Hyperparameters, clipping: GradientClipping, decayed: Collection[str]
) -> optax.GradientTransformation:
    """Gradients by name to steps by name, which are to be multiplied by minus the learning rate.

    `decayed` are the parameters that weight decay applies to.
    """
    clip = optax.clip_by_global_norm if clipping.by == "norm" else optax.clip
    decay = optax.add_decayed_weights(
        hyperparameters.weight_decay, lambda parameters: {name: name in decayed for name in parameters}
    )
    if hyperparameters.optimizer == "sgd":
        momentum = hyperparameters.momentum
        trace = optax.trace(momentum, hyperparameters.nesterov) if momentum else optax.identity()
        return optax.chain(clip(clipping.at), decay, trace)
    scale = scale_by_amsgrad if hyperparameters.ams_gradient else optax.scale_by_adam
    adam = scale(b1=hyperparameters.beta1, b2=hyperparameters.beta2, eps=EPS)
    if hyperparameters.optimizer == "adamw":
        return optax.chain(clip(clipping.at), adam, decay)
    return optax.chain(clip(clipping.at), decay, adam)


class AmsgradState(NamedTuple):
    """The number of updates, both moments, and the largest second moment so far."""

    step: jax.Array
    mu: optax.Updates
    nu: optax.Updates
    nu_max: optax.Updates


def scale_by_amsgrad(b1: float, b2: float, eps: float) -> optax.GradientTransformation:
    """Adam with the largest second moment (Reddi et al., 2018, algorithm 2), its bias corrected as torch does it.

    Torch corrects the largest raw moment for the present step; optax's own keeps the largest of the corrected ones.
    """

    def init(parameters: optax.Params) -> AmsgradState:
        zeros = [jax.tree.map(jnp.zeros_like, parameters) for _ in range(3)]
        return AmsgradState(jnp.zeros((), jnp.int32), *zeros)

    def update(
        updates: optax.Updates,
        state: optax.OptState,
        parameters: optax.Params | None = None,  # noqa: ARG001
    ) -> tuple[optax.Updates, AmsgradState]:
        step = state.step + 1
        mu = jax.tree.map(lambda moment, value: b1 * moment + (1 - b1) * value, state.mu, updates)
        nu = jax.tree.map(lambda moment, value: b2 * moment + (1 - b2) * value**2, state.nu, updates)
        largest = jax.tree.map(jnp.maximum, state.nu_max, nu)
        first, second = 1 - b1**step, jnp.sqrt(1 - b2**step)
        steps = jax.tree.map(lambda m, v: m / first / (jnp.sqrt(v) / second + eps), mu, largest)
        return steps, AmsgradState(step, mu, nu, largest)

    return optax.GradientTransformation(init, update)


def state_arrays(state: optax.OptState) -> Arrays:
    """The state's tensors, as `parameter.quantity`, and its counters by their quantity."""
    return {_name(path): np.array(value) for path, value in jax.tree_util.tree_leaves_with_path(state)}


def state_from_arrays(shapes: optax.OptState, arrays: Arrays) -> optax.OptState:
    """A state of this structure, filled by name."""
    return jax.tree_util.tree_map_with_path(lambda path, like: _placed(arrays[_name(path)], like), shapes)


def _placed(value: np.ndarray[Any, Any], like: jax.ShapeDtypeStruct) -> jax.Array:
    return jnp.array(value.reshape(like.shape), like.dtype)


def _name(path: tuple[Any, ...]) -> str:
    parameter = next((key.key for key in path if isinstance(key, jax.tree_util.DictKey)), None)
    quantity = next(key.name for key in path if isinstance(key, jax.tree_util.GetAttrKey))
    return quantity if parameter is None else f"{parameter}.{quantity}"
