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
from vistry.flax_layers import (
    BatchNorm,
    Conv,
    Linear,
    Sequential,
    average_pool,
    max_pool,
    normal_by_fan_out,
    padded_conv,
    residual_stages,
    results_in_turn,
)

EXPANSION, RADIX, WIDEST = 4, 2, 512

# Blocks of each stage, and the width of the stem (Zhang et al., 2020, section 4.2).
VARIANTS = {"resnest50d": ((3, 4, 6, 3), 32), "resnest101e": ((3, 4, 23, 3), 64)}


class SplitAttention(nnx.Module):
    """Two maps and a softmax between them, channel by channel (Zhang et al., 2020, section 3.1, cardinality 1)."""

    def __init__(self, width: int, random: np.random.Generator):
        narrow = max(32, width * RADIX // 4)
        self.conv = padded_conv(width, width * RADIX, 3, random, groups=RADIX)
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
    """1x1 convolution, split attention, 1x1 convolution; at stride 2 a mean over 3x3 pixels halves the map."""

    def __init__(
        self, inputs: int, width: int, stride: int, downsample: Sequential | None, random: np.random.Generator
    ):
        self.stride = stride
        self.conv1 = padded_conv(inputs, width, 1, random)
        self.bn1 = BatchNorm(width)
        self.conv2 = SplitAttention(width, random)
        self.conv3 = padded_conv(width, width * EXPANSION, 1, random)
        self.bn3 = BatchNorm(width * EXPANSION)
        # Each block begins as its shortcut alone, as timm's does.
        self.bn3.weight[...] = jnp.zeros_like(self.bn3.weight[...])
        self.downsample = downsample

    def __call__(self, x: Array) -> Array:
        """[N, H, W, C] to [N, H / stride, W / stride, 4 width]."""
        out = self.conv2(jax.nn.relu(self.bn1(self.conv1(x))))
        if self.stride > 1:
            out = average_pool(out, 3, stride=self.stride, padding=1)
        out = self.bn3(self.conv3(out))
        return jax.nn.relu(out + (x if self.downsample is None else self.downsample(x)))


class Stages(nnx.Module):
    """The network without its head; `layers` has the number of blocks of each stage."""

    def __init__(self, layers: Sequence[int], stem: int, random: np.random.Generator):
        self.conv1 = Sequential(
            padded_conv(3, stem, 3, random, stride=2),
            BatchNorm(stem),
            jax.nn.relu,
            padded_conv(stem, stem, 3, random),
            BatchNorm(stem),
            jax.nn.relu,
            padded_conv(stem, 2 * stem, 3, random),
        )
        self.bn1 = BatchNorm(2 * stem)

        def build_block(inputs: int, width: int, stride: int) -> Bottleneck:
            outputs = width * EXPANSION
            downsample = _downsample(inputs, outputs, stride, random) if inputs != outputs else None
            return Bottleneck(inputs, width, stride, downsample, random)

        stages = residual_stages(layers, 2 * stem, EXPANSION, build_block)
        self.layer1, self.layer2, self.layer3, self.layer4 = stages

    def maps(self, x: Array) -> list[Array]:
        """[N, H, W, 3] to the maps of the four stages, at strides 4, 8, 16 and 32."""
        x = max_pool(jax.nn.relu(self.bn1(self.conv1(x))), 3, stride=2, padding=1)
        return results_in_turn(x, (self.layer1, self.layer2, self.layer3, self.layer4))


class FeatureMaps(Stages):
    """The network that detectors are built on."""

    def __call__(self, x: Array) -> list[Array]:
        """[N, H, W, 3] to the maps of the four stages, at strides 4, 8, 16 and 32."""
        return self.maps(x)


class ResNeSt(Stages):
    """A network that maps images [N, H, W, 3] to logits; `layers` has the number of blocks of each stage."""

    def __init__(self, layers: Sequence[int], stem: int, num_classes: int, random: np.random.Generator):
        super().__init__(layers, stem, random)
        self.fc = Linear(WIDEST * EXPANSION, num_classes, random=random)

    def __call__(self, x: Array) -> Array:
        """[N, H, W, 3] to [N, num_classes]."""
        return self.fc(self.maps(x)[-1].mean((1, 2)))


def _downsample(inputs: int, outputs: int, stride: int, random: np.random.Generator) -> Sequential:
    """Build the shortcut where shapes change: a mean over 2x2 pixels, then a 1x1 convolution."""
    # Without a stride there is nothing to pool, but the convolution keeps its place, and with it its name in timm's.
    pool: Callable[[Any], Any] = partial(average_pool, window=2, stride=stride, ceil=True) if stride > 1 else _identity
    return Sequential(pool, padded_conv(inputs, outputs, 1, random), BatchNorm(outputs))


def _identity(x: Array) -> Array:
    return x


def build(variant: str, num_classes: int, seed: int) -> ResNeSt:
    """Build the network with initial weights drawn from a seed."""
    layers, stem = VARIANTS[variant]
    return ResNeSt(layers, stem, num_classes, np.random.default_rng(seed))


def build_feature_maps(variant: str, seed: int) -> FeatureMaps:
    """Build the network without its head, with initial weights drawn from a seed."""
    layers, stem = VARIANTS[variant]
    return FeatureMaps(layers, stem, np.random.default_rng(seed))
