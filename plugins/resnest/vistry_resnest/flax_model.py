"""ResNeSt in Flax, with the names, shapes and initial distributions of timm's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jax import Array
from vistry.flax_layers import BatchNorm, Conv, Linear, Sequential, average_pool, max_pool, normal_by_fan_out

EXPANSION, RADIX = 4, 2

# Blocks of each stage, and the width of the stem (Zhang et al., 2020, section 4.2).
VARIANTS = {"resnest50d": ((3, 4, 6, 3), 32), "resnest101e": ((3, 4, 23, 3), 64)}


def convolution(
    inputs: int, outputs: int, kernel: int, random: np.random.Generator, *, stride: int = 1, groups: int = 1
) -> Conv:
    """Without a bias, padded to keep the size where the stride is 1."""
    return Conv(
        inputs,
        outputs,
        kernel,
        stride=stride,
        padding=kernel // 2,
        groups=groups,
        use_bias=False,
        weight=normal_by_fan_out,
        random=random,
    )


class SplitAttention(nnx.Module):
    """Two maps weighted against each other, channel by channel (Zhang et al., 2020, section 3.1, cardinality 1)."""

    def __init__(self, width: int, random: np.random.Generator):
        narrow = max(32, width * RADIX // 4)
        self.conv = convolution(width, width * RADIX, 3, random, groups=RADIX)
        self.bn0 = BatchNorm(width * RADIX)
        self.fc1 = Conv(width, narrow, 1, weight=normal_by_fan_out, random=random)
        self.bn1 = BatchNorm(narrow)
        self.fc2 = Conv(narrow, width * RADIX, 1, weight=normal_by_fan_out, random=random)

    def __call__(self, x: Array) -> Array:
        """[N, H, W, C] to the same shape."""
        x = jax.nn.relu(self.bn0(self.conv(x)))
        splits = x.reshape(*x.shape[:3], RADIX, -1)
        gap = splits.sum(3).mean((1, 2), keepdims=True)
        scores = self.fc2(jax.nn.relu(self.bn1(self.fc1(gap))))
        attention = jax.nn.softmax(scores.reshape(len(x), 1, 1, RADIX, -1), axis=3)
        return (splits * attention).sum(3)


class Bottleneck(nnx.Module):
    """1x1 convolution, split attention, 1x1 convolution; a mean over 3x3 places halves the size where stride is 2."""

    def __init__(
        self, inputs: int, width: int, stride: int, downsample: Sequential | None, random: np.random.Generator
    ):
        self.stride = stride
        self.conv1 = convolution(inputs, width, 1, random)
        self.bn1 = BatchNorm(width)
        self.conv2 = SplitAttention(width, random)
        self.conv3 = convolution(width, width * EXPANSION, 1, random)
        self.bn3 = BatchNorm(width * EXPANSION)
        self.bn3.weight[...] = jnp.zeros_like(self.bn3.weight[...])
        self.downsample = downsample

    def __call__(self, x: Array) -> Array:
        """[N, H, W, C] to [N, H / stride, W / stride, 4 width]."""
        out = self.conv2(jax.nn.relu(self.bn1(self.conv1(x))))
        if self.stride > 1:
            out = average_pool(out, 3, stride=self.stride, padding=1)
        out = self.bn3(self.conv3(out))
        return jax.nn.relu(out + (x if self.downsample is None else self.downsample(x)))


class ResNeSt(nnx.Module):
    """Images [N, H, W, 3] to logits [N, num_classes]."""

    def __init__(self, layers: Sequence[int], stem: int, num_classes: int, random: np.random.Generator):
        inputs = 2 * stem
        self.conv1 = Sequential(
            convolution(3, stem, 3, random, stride=2),
            BatchNorm(stem),
            jax.nn.relu,
            convolution(stem, stem, 3, random),
            BatchNorm(stem),
            jax.nn.relu,
            convolution(stem, inputs, 3, random),
        )
        self.bn1 = BatchNorm(inputs)
        stages = []
        for stage, blocks in enumerate(layers):
            width = 64 * 2**stage
            built = []
            for index in range(blocks):
                stride = 2 if stage and not index else 1
                downsample = _downsample(inputs, width * EXPANSION, stride, random) if not index else None
                built.append(Bottleneck(inputs, width, stride, downsample, random))
                inputs = width * EXPANSION
            stages.append(Sequential(*built))
        self.layer1, self.layer2, self.layer3, self.layer4 = stages
        self.fc = Linear(inputs, num_classes, random=random)

    def __call__(self, x: Array) -> Array:
        """[N, H, W, 3] to [N, num_classes]."""
        x = max_pool(jax.nn.relu(self.bn1(self.conv1(x))), 3, stride=2, padding=1)
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(x.mean((1, 2)))


def _downsample(inputs: int, outputs: int, stride: int, random: np.random.Generator) -> Sequential:
    """The shortcut where shapes change: a mean over 2x2 places, then a 1x1 convolution."""
    pool: Callable[[Any], Any] = partial(average_pool, window=2, stride=stride, ceil=True) if stride > 1 else _as_is
    return Sequential(pool, convolution(inputs, outputs, 1, random), BatchNorm(outputs))


def _as_is(x: Array) -> Array:
    return x


def build(variant: str, num_classes: int, seed: int) -> ResNeSt:
    """The network with initial weights drawn from a seed."""
    layers, stem = VARIANTS[variant]
    return ResNeSt(layers, stem, num_classes, np.random.default_rng(seed))
