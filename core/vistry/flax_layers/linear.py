"""The linear layer."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
from flax import nnx
from jax import Array

from vistry.flax_layers.initialisation import Initial, uniform_by_fan_in


class Linear(nnx.Module):
    """x [..., I] to x weight^T + bias [..., O], with `weight` [O, I] and `bias` [O].

    Without initialisers both are drawn as torch draws them.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        *,
        use_bias: bool = True,
        weight: Initial | None = None,
        bias: Initial | None = None,
        random: np.random.Generator,
    ):
        default = uniform_by_fan_in(inputs)
        self.weight = nnx.Param(jnp.asarray((weight or default)(random, (outputs, inputs))))
        self.bias = nnx.Param(jnp.asarray((bias or default)(random, (outputs,)))) if use_bias else None

    def __call__(self, x: Array) -> Array:
        """[..., I] to [..., O]."""
        x = x @ self.weight[...].T
        return x if self.bias is None else x + self.bias[...]
