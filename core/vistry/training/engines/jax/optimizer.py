"""optax's optimisers with torch's arithmetic, gradient clipping, and the optimiser's state as arrays by name."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from vistry.hyperparameter.values import Hyperparameters
from vistry.registry.manifest import GradientClipping
from vistry.training.engines.state import Arrays

EPS = 1e-8  # torch's default, added to the root of the second moment


def make_optimizer(
    hyperparameters: Hyperparameters, clipping: GradientClipping, decayed: Collection[str]
) -> optax.GradientTransformation:
    """Make the optimiser that the hyperparameters name: from gradients by name to steps by name.

    A step is multiplied by minus the learning rate and added. `decayed`: the parameters that weight decay applies to.
    """
    clip = clip_gradients(clipping)
    decay = optax.add_decayed_weights(
        hyperparameters.weight_decay, lambda parameters: {name: name in decayed for name in parameters}
    )
    if hyperparameters.optimizer == "sgd":
        momentum = hyperparameters.momentum
        trace = optax.trace(momentum, hyperparameters.nesterov) if momentum else optax.identity()
        return optax.chain(clip, decay, trace)
    scale = scale_by_amsgrad if hyperparameters.ams_gradient else optax.scale_by_adam
    adam = scale(b1=hyperparameters.beta1, b2=hyperparameters.beta2, eps=EPS)
    # adamw's decay is apart from the moments (Loshchilov and Hutter, 2019); adam's is part of the gradient.
    if hyperparameters.optimizer == "adamw":
        return optax.chain(clip, adam, decay)
    return optax.chain(clip, decay, adam)


def clip_gradients(clipping: GradientClipping) -> optax.GradientTransformation:
    """Limit the gradients: by the norm of all together, or each number."""
    return optax.clip_by_global_norm(clipping.at) if clipping.by == "norm" else optax.clip(clipping.at)


class AmsgradState(NamedTuple):
    """The number of updates, both moments, and the largest second moment so far."""

    step: jax.Array
    mu: optax.Updates
    nu: optax.Updates
    nu_max: optax.Updates


def scale_by_amsgrad(b1: float, b2: float, eps: float) -> optax.GradientTransformation:
    """Return Adam with the largest second moment (Reddi et al., 2018, algorithm 2), with torch's correction of bias.

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
        return steps, AmsgradState(step=step, mu=mu, nu=nu, nu_max=largest)

    return optax.GradientTransformation(init, update)


def state_arrays(state: optax.OptState) -> Arrays:
    """Return the optimiser's tensors as `parameter.quantity`, and its counters by their quantity."""
    return {_name(path): np.array(value) for path, value in jax.tree_util.tree_leaves_with_path(state)}


def load_state_arrays(shapes: optax.OptState, arrays: Arrays) -> optax.OptState:
    """Return a state of this structure with what `state_arrays` returned."""
    return jax.tree_util.tree_map_with_path(lambda path, like: _tensor(arrays[_name(path)], like), shapes)


def _tensor(value: np.ndarray[Any, Any], like: jax.ShapeDtypeStruct) -> jax.Array:
    return jnp.array(value.reshape(like.shape), like.dtype)


def _name(path: tuple[Any, ...]) -> str:
    parameter = next((key.key for key in path if isinstance(key, jax.tree_util.DictKey)), None)
    quantity = next(key.name for key in path if isinstance(key, jax.tree_util.GetAttrKey))
    return quantity if parameter is None else f"{parameter}.{quantity}"
