"""A module as anybody writes it, with Flax's own layers."""

from __future__ import annotations

import jax
from flax import nnx
from jax import Array


class Foreign(nnx.Module):
    def __init__(self, num_classes: int, seed: int):
        rngs = nnx.Rngs(seed)
        self.conv = nnx.Conv(3, 8, (3, 3), strides=2, rngs=rngs)
        self.norm = nnx.BatchNorm(8, rngs=rngs)
        self.dropout = nnx.Dropout(0.1, rngs=rngs)
        self.head = nnx.Linear(8, num_classes, rngs=rngs)

    def __call__(self, x: Array) -> Array:
        return self.head(self.dropout(jax.nn.relu(self.norm(self.conv(x))).mean((1, 2))))
