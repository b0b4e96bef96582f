"""optax's optimisers with torch's arithmetic, gradient clipping, and the optimiser's state as arrays by name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from vistry.hyperparameter.values import Hyperparameters
from vistry.registry.manifest import GradientClipping
from vistry.registry.part_code import broken, guarded, load_code
from vistry.registry.part_specs import OptimizerSpec
from vistry.registry.parts import Part
from vistry.training.engines.state import Arrays

EPS = 1e-8  # torch's default, added to the root of the second moment


def make_optimizer(
    hyperparameters: Hyperparameters, part: Part[OptimizerSpec], clipping: GradientClipping, decayed: Collection[str]
) -> optax.GradientTransformation:
    """Make an optimiser: from gradients by name to steps by name. Raises BrokenPluginError.

    A step is multiplied by minus the learning rate and added. `decayed`: the parameters that weight decay applies to.
    """
    decay = optax.add_decayed_weights(
        hyperparameters.weight_decay, lambda parameters: {name: name in decayed for name in parameters}
    )
    build = load_code(part, part.spec.jax)
    with guarded(part):
        optimizer = build(decay, hyperparameters)
    if not isinstance(optimizer, optax.GradientTransformation):
        name = type(optimizer).__name__
        raise broken(part, f"{part.spec.jax} must return an optax.GradientTransformation, got {name}")
    return _guarded(optax.chain(clip_gradients(clipping), optimizer), part)


def sgd(decay: optax.GradientTransformation, hyperparameters: Hyperparameters) -> optax.GradientTransformation:
    """Make SGD; weight decay is part of the gradient."""
    momentum = hyperparameters.momentum
    trace = optax.trace(momentum, hyperparameters.nesterov) if momentum else optax.identity()
    return optax.chain(decay, trace)


def adam(decay: optax.GradientTransformation, hyperparameters: Hyperparameters) -> optax.GradientTransformation:
    """Make Adam; weight decay is part of the gradient."""
    return optax.chain(decay, _scaled_by_moments(hyperparameters))


def adamw(decay: optax.GradientTransformation, hyperparameters: Hyperparameters) -> optax.GradientTransformation:
    """Make AdamW, whose decay is apart from the moments (Loshchilov and Hutter, 2019)."""
    return optax.chain(_scaled_by_moments(hyperparameters), decay)


def _scaled_by_moments(hyperparameters: Hyperparameters) -> optax.GradientTransformation:
    scale = scale_by_amsgrad if hyperparameters.ams_gradient else optax.scale_by_adam
    return scale(b1=hyperparameters.beta1, b2=hyperparameters.beta2, eps=EPS)


def _guarded(optimizer: optax.GradientTransformation, part: Part[OptimizerSpec]) -> optax.GradientTransformation:
    """Name the part where it fails."""

    def init(parameters: optax.Params) -> optax.OptState:
        with guarded(part):
            return optimizer.init(parameters)

    def update(
        updates: optax.Updates, state: optax.OptState, parameters: optax.Params | None = None
    ) -> tuple[optax.Updates, optax.OptState]:
        with guarded(part):
            steps: tuple[optax.Updates, optax.OptState] = optimizer.update(updates, state, parameters)
        return steps

    return optax.GradientTransformation(init, update)


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
    leaves = jax.tree_util.tree_leaves_with_path(state)
    names = _names([path for path, _ in leaves])
    return {name: np.array(value) for name, (_, value) in zip(names, leaves, strict=True)}


def load_state_arrays(shapes: optax.OptState, arrays: Arrays) -> optax.OptState:
    """Return a state of this structure with what `state_arrays` returned."""
    leaves, structure = jax.tree_util.tree_flatten_with_path(shapes)
    names = _names([path for path, _ in leaves])
    tensors = [_tensor(arrays[name], like) for name, (_, like) in zip(names, leaves, strict=True)]
    return jax.tree_util.tree_unflatten(structure, tensors)


def _tensor(value: np.ndarray[Any, Any], like: jax.ShapeDtypeStruct) -> jax.Array:
    return jnp.array(value.reshape(like.shape), like.dtype)


def _names(paths: Sequence[tuple[Any, ...]]) -> list[str]:
    """Return a name for each place in a state; where parts of a chain have the same one, it is counted on."""
    count: Counter[str] = Counter()
    names = []
    for path in paths:
        name = _name(path)
        count[name] += 1
        names.append(name if count[name] == 1 else f"{name}:{count[name]}")
    return names


def _name(path: tuple[Any, ...]) -> str:
    parameter = next((key.key for key in path if isinstance(key, jax.tree_util.DictKey)), None)
    quantity = next((key.name for key in path if isinstance(key, jax.tree_util.GetAttrKey)), "state")
    return quantity if parameter is None else f"{parameter}.{quantity}"
