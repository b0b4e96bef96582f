"""The moving average of tensors in JAX."""

from __future__ import annotations

import jax.numpy as jnp
from jax import Array

from vistry.training.engines.jax.module import Tensors


def update_ema(average: Tensors, tensors: Tensors, step: Array) -> Tensors:
    """Return the average moved by the share `step` of the way to the tensors; whole numbers are copied."""
    return {
        name: value + step * (tensors[name] - value) if jnp.issubdtype(value.dtype, jnp.floating) else tensors[name]
        for name, value in average.items()
    }
