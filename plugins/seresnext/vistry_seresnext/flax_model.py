"""SE-ResNeXt-50 32x4d in Flax, with the names, shapes and initial distributions of timm's."""

from __future__ import annotations

import jax
import numpy as np
from flax import nnx
from jax import Array
from vistry.flax_layers import BatchNorm, Conv, Linear, Sequential, max_pool, normal_by_fan_out

STAGES = ((64, 3), (128, 4), (256, 6), (512, 3))
EXPANSION, GROUPS, REDUCTION = 4, 32, 16


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


class Stem(nnx.Module):
    """A convolution that halves the size, batch norm, ReLU."""

    def __init__(self, outputs: int, random: np.random.Generator):
        self.conv1 = convolution(3, outputs, 7, random, stride=2)
        self.bn1 = BatchNorm(outputs)

    def __call__(self, x: Array) -> Array:
        """[N, H, W, 3] to [N, H / 2, W / 2, outputs]."""
        return jax.nn.relu(self.bn1(self.conv1(x)))


class Excitation(nnx.Module):
    """How much of each channel is let through, from the mean of each (Hu et al., 2017, section 3)."""

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
        self.conv1 = convolution(inputs, width, 1, random)
        self.bn1 = BatchNorm(width)
        self.conv2 = convolution(width, width, 3, random, stride=stride, groups=GROUPS)
        self.bn2 = BatchNorm(width)
        self.conv3 = convolution(width, outputs, 1, random)
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


class SEResNeXt(nnx.Module):
    """Images [N, 224, 224, 3] to logits [N, num_classes]."""

    def __init__(self, num_classes: int, random: np.random.Generator):
        inputs = STAGES[0][0]
        self.layer0 = Stem(inputs, random)
        stages = []
        for stage, (planes, blocks) in enumerate(STAGES, start=1):
            outputs = planes * EXPANSION
            built = []
            for index in range(blocks):
                stride = 2 if stage > 1 and not index else 1
                downsample = None
                if not index:
                    downsample = Sequential(convolution(inputs, outputs, 1, random, stride=stride), BatchNorm(outputs))
                built.append(Block(inputs, planes, stride, downsample, random))
                inputs = outputs
            stages.append(Sequential(*built))
        self.layer1, self.layer2, self.layer3, self.layer4 = stages
        self.last_linear = Linear(inputs, num_classes, random=random)

    def __call__(self, x: Array) -> Array:
        """[N, H, W, 3] to [N, num_classes]."""
        x = max_pool(self.layer0(x), 3, stride=2, ceil=True)
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.last_linear(x.mean((1, 2)))


def build(num_classes: int, seed: int) -> SEResNeXt:
    """The network with initial weights drawn from a seed."""
    return SEResNeXt(num_classes, np.random.default_rng(seed))
