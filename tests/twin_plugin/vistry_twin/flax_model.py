"""The twin in Flax."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
from flax import nnx
from jax import Array
from vistry.flax_layers import BatchNorm, Conv, Linear, Sequential, max_pool


class Twin(nnx.Module):
    def __init__(self, num_classes: int, dropout: float, random: np.random.Generator):
        def part(inputs: int, outputs: int, stride: int = 1, groups: int = 1) -> list[Any]:
            convolution = Conv(
                inputs, outputs, 3, stride=stride, padding=1, groups=groups, use_bias=False, random=random
            )
            return [convolution, BatchNorm(outputs), jax.nn.relu]

        self.stem = Sequential(*part(3, 16))
        self.body = Sequential(*part(16, 16, groups=16), *part(16, 32, stride=2, groups=4), *part(32, 32))
        self.dropout = nnx.Dropout(dropout, rngs=nnx.Rngs(0))
        self.head = Linear(32, num_classes, random=random)

    def __call__(self, x: Array) -> Array:
        x = self.body(max_pool(self.stem(x), 3, stride=2, padding=1))
        return self.head(self.dropout(x.mean((1, 2))))


def build(num_classes: int, dropout: float, seed: int) -> Twin:
    return Twin(num_classes, dropout, np.random.default_rng(seed))
