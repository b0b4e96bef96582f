"""The linear layer, and layers in sequence."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from itertools import accumulate
from typing import Any

import jax.numpy as jnp
import numpy as np
from flax import nnx
from jax import Array

from vistry.flax_layers.initialisation import Initial, uniform_by_fan_in


class Linear(nnx.Module):
    """x [..., I] to x weight^T + bias [..., O], with `weight` [O, I] and `bias` [O].

    `weight`, `bias`: how each is drawn, as torch does it by default. `random`: what draws them.
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        *,
        use_bias: bool = True,
        weight: Initial | None = None,
        bias: Initial | None = None,
        random: np.random.Generator,
    ):
        default = uniform_by_fan_in(in_features)
        self.weight = nnx.Param(jnp.asarray((weight or default)(random, (out_features, in_features))))
        self.bias = nnx.Param(jnp.asarray((bias or default)(random, (out_features,)))) if use_bias else None

    def __call__(self, x: Array) -> Array:
        """[..., I] to [..., O]."""
        x = x @ self.weight[...].T
        return x if self.bias is None else x + self.bias[...]


class Sequential(nnx.Module):
    """Layers called in turn, each with the result of the one before. As in torch they are named "0", "1" and so on.

    A layer is a module or a function. A function has a number too, so that the modules after it are named as in torch.
    """

    def __init__(self, *layers: Callable[[Any], Any]):
        self.length = len(layers)
        for index, layer in enumerate(layers):
            setattr(self, str(index), layer)

    def __call__(self, x: Any) -> Any:
        """Return the last layer's result."""
        for index in range(self.length):
            x = getattr(self, str(index))(x)
        return x

    def outputs(self, x: Any, layers: Collection[int]) -> list[Any]:
        """Return the results of some layers, in order; those after the last of these aren't called."""
        results = results_in_turn(x, [getattr(self, str(index)) for index in range(max(layers) + 1)])
        return [results[index] for index in sorted(layers)]


def results_in_turn(x: Any, layers: Iterable[Callable[[Any], Any]]) -> list[Any]:
    """Return the result of each layer, where each is called with that of the one before, the first with x."""
    return list(accumulate(layers, lambda value, layer: layer(value), initial=x))[1:]
