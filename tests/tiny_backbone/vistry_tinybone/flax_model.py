"""The tiny backbone in Flax."""

from __future__ import annotations

import jax
import numpy as np
from flax import nnx
from jax import Array
from vistry.flax_layers import BatchNorm, Conv, Linear, Sequential, results_in_turn


class Stages(nnx.Module):
    def __init__(self, random: np.random.Generator):
        def stage(before: int, after: int) -> Sequential:
            convolution = Conv(before, after, 3, stride=2, padding=1, use_bias=False, random=random)
            return Sequential(convolution, BatchNorm(after), jax.nn.relu)

        self.stem, self.stage1 = stage(3, 8), stage(8, 8)
        self.stage2, self.stage3, self.stage4 = stage(8, 16), stage(16, 24), stage(24, 32)

    def maps(self, x: Array) -> list[Array]:
        return results_in_turn(self.stem(x), (self.stage1, self.stage2, self.stage3, self.stage4))


class FeatureMaps(Stages):
    def __init__(self, seed: int):
        super().__init__(np.random.default_rng(seed))

    def __call__(self, x: Array) -> list[Array]:
        return self.maps(x)


class Classifier(Stages):
    def __init__(self, num_classes: int, seed: int):
        random = np.random.default_rng(seed)
        super().__init__(random)
        self.head = Linear(32, num_classes, random=random)

    def __call__(self, x: Array) -> Array:
        return self.head(self.maps(x)[-1].mean((1, 2)))
