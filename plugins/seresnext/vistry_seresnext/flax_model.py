"""SE-ResNeXt-50 32x4d in Flax, with the names, shapes and initial distributions of timm's."""

from __future__ import annotations

import jax
import numpy as np
from flax import nnx
from jax import Array
from vistry.flax_layers import (
    BatchNorm,
    Conv,
    Linear,
    Sequential,
    max_pool,
    normal_by_fan_out,
    padded_conv,
    residual_stages,
    results_in_turn,
)

BLOCKS = (3, 4, 6, 3)
STEM, WIDEST = 64, 512
EXPANSION, GROUPS, REDUCTION = 4, 32, 16


class Stem(nnx.Module):
    """A convolution that halves the size, batch norm, ReLU."""

    def __init__(self, outputs: int, random: np.random.Generator):
        self.conv1 = padded_conv(3, outputs, 7, random, stride=2)
        self.bn1 = BatchNorm(outputs)

    def __call__(self, x: Array) -> Array:
        """[N, H, W, 3] to [N, H / 2, W / 2, outputs]."""
        return jax.nn.relu(self.bn1(self.conv1(x)))


class Excitation(nnx.Module):
    """The gate of each channel, from the mean of all channels (Hu et al., 2017, section 3)."""

    def __init__(self, channels: int, random: np.random.Generator):
        narrow = channels // REDUCTION
        self.fc1 = Conv(channels, narrow, 1, weight=normal_by_fan_out, random=random)
        self.fc2 = Conv(narrow, channels, 1, weight=normal_by_fan_out, random=random)

    def __call__(self, x: Array) -> Array:
        """[N, H, W, C] to [N, 1, 1, C] in [0, 1]."""
        squeezed = jax.nn.relu(self.fc1(x.mean((1, 2), keepdims=True)))
        return jax.nn.sigmoid(self.fc2(squeezed))


class Block(nnx.Module):
    """A ResNeXt bottleneck with squeeze-and-excitation (Hu et al., 2017, table 1)."""

    def __init__(
        self, inputs: int, planes: int, stride: int, downsample: Sequential | None, random: np.random.Generator
    ):
        width, outputs = planes // 16 * GROUPS, planes * EXPANSION
        self.conv1 = padded_conv(inputs, width, 1, random)
        self.bn1 = BatchNorm(width)
        self.conv2 = padded_conv(width, width, 3, random, stride=stride, groups=GROUPS)
        self.bn2 = BatchNorm(width)
        self.conv3 = padded_conv(width, outputs, 1, random)
        self.bn3 = BatchNorm(outputs)
        self.se_module = Excitation(outputs, random)
        self.downsample = downsample

    def __call__(self, x: Array) -> Array:
        """[N, H, W, C] to [N, H / stride, W / stride, 4 planes]."""
        out = jax.nn.relu(self.bn1(self.conv1(x)))
        out = jax.nn.relu(self.bn2(self.conv2(out)))
        out = self.bn3(self.conv3(out))
        shortcut = x if self.downsample is None else self.downsample(x)
        return jax.nn.relu(out * self.se_module(out) + shortcut)


class Stages(nnx.Module):
    """The network without its head."""

    def __init__(self, random: np.random.Generator):
        self.layer0 = Stem(STEM, random)

        def build_block(inputs: int, planes: int, stride: int) -> Block:
            outputs, downsample = planes * EXPANSION, None
            if inputs != outputs:
                downsample = Sequential(padded_conv(inputs, outputs, 1, random, stride=stride), BatchNorm(outputs))
            return Block(inputs, planes, stride, downsample, random)

        stages = residual_stages(BLOCKS, STEM, EXPANSION, build_block)
        self.layer1, self.layer2, self.layer3, self.layer4 = stages

    def maps(self, x: Array) -> list[Array]:
        """[N, H, W, 3] to the maps of the four stages, at strides 4, 8, 16 and 32."""
        x = max_pool(self.layer0(x), 3, stride=2, ceil=True)
        return results_in_turn(x, (self.layer1, self.layer2, self.layer3, self.layer4))


class FeatureMaps(Stages):
    """The network that detectors are built on."""

    def __call__(self, x: Array) -> list[Array]:
        """[N, H, W, 3] to the maps of the four stages, at strides 4, 8, 16 and 32."""
        return self.maps(x)


class SEResNeXt(Stages):
    """A network that maps images [N, 224, 224, 3] to logits."""

    def __init__(self, num_classes: int, random: np.random.Generator):
        super().__init__(random)
        self.last_linear = Linear(WIDEST * EXPANSION, num_classes, random=random)

    def __call__(self, x: Array) -> Array:
        """[N, H, W, 3] to [N, num_classes]."""
        return self.last_linear(self.maps(x)[-1].mean((1, 2)))


def build(num_classes: int, seed: int) -> SEResNeXt:
    """Build the network with initial weights drawn from a seed."""
    return SEResNeXt(num_classes, np.random.default_rng(seed))


def build_feature_maps(seed: int) -> FeatureMaps:
    """Build the network without its head, with initial weights drawn from a seed."""
    return FeatureMaps(np.random.default_rng(seed))
