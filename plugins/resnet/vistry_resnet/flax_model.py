"""ResNet in Flax, with the names, shapes and initial distributions of torchvision's."""

from __future__ import annotations

from collections.abc import Sequence

import jax
import numpy as np
from flax import nnx
from jax import Array
from vistry.flax_layers import BatchNorm, Linear, Sequential, max_pool, padded_conv, residual_stages, results_in_turn

STEM, WIDEST = 64, 512


class BasicBlock(nnx.Module):
    """Two 3x3 convolutions (He et al., 2015, figure 5 left); `downsample` is the shortcut where shapes change."""

    expansion = 1

    def __init__(
        self, inputs: int, width: int, stride: int, downsample: Sequential | None, random: np.random.Generator
    ):
        self.conv1 = padded_conv(inputs, width, 3, random, stride=stride)
        self.bn1 = BatchNorm(width)
        self.conv2 = padded_conv(width, width, 3, random)
        self.bn2 = BatchNorm(width)
        self.downsample = downsample

    def __call__(self, x: Array) -> Array:
        """[N, H, W, C] to [N, H / stride, W / stride, width]."""
        out = jax.nn.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        return jax.nn.relu(out + (x if self.downsample is None else self.downsample(x)))


class Bottleneck(nnx.Module):
    """1x1, 3x3 and 1x1 convolutions (He et al., 2015, figure 5 right), the stride in the 3x3 one as in torchvision."""

    expansion = 4

    def __init__(
        self, inputs: int, width: int, stride: int, downsample: Sequential | None, random: np.random.Generator
    ):
        self.conv1 = padded_conv(inputs, width, 1, random)
        self.bn1 = BatchNorm(width)
        self.conv2 = padded_conv(width, width, 3, random, stride=stride)
        self.bn2 = BatchNorm(width)
        self.conv3 = padded_conv(width, width * self.expansion, 1, random)
        self.bn3 = BatchNorm(width * self.expansion)
        self.downsample = downsample

    def __call__(self, x: Array) -> Array:
        """[N, H, W, C] to [N, H / stride, W / stride, 4 width]."""
        out = jax.nn.relu(self.bn1(self.conv1(x)))
        out = jax.nn.relu(self.bn2(self.conv2(out)))
        out = self.bn3(self.conv3(out))
        return jax.nn.relu(out + (x if self.downsample is None else self.downsample(x)))


class Stages(nnx.Module):
    """The network without its head; `layers` has the number of blocks of each stage."""

    def __init__(self, block: type[BasicBlock | Bottleneck], layers: Sequence[int], random: np.random.Generator):
        self.conv1 = padded_conv(3, STEM, 7, random, stride=2)
        self.bn1 = BatchNorm(STEM)

        def build_block(inputs: int, width: int, stride: int) -> nnx.Module:
            outputs, downsample = width * block.expansion, None
            if stride != 1 or inputs != outputs:
                shortcut = padded_conv(inputs, outputs, 1, random, stride=stride)
                downsample = Sequential(shortcut, BatchNorm(outputs))
            return block(inputs, width, stride, downsample, random)

        stages = residual_stages(layers, STEM, block.expansion, build_block)
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


class ResNet(Stages):
    """A network that maps images [N, H, W, 3] to logits; `layers` has the number of blocks of each stage."""

    def __init__(
        self, block: type[BasicBlock | Bottleneck], layers: Sequence[int], num_classes: int, random: np.random.Generator
    ):
        super().__init__(block, layers, random)
        self.fc = Linear(WIDEST * block.expansion, num_classes, random=random)

    def __call__(self, x: Array) -> Array:
        """[N, H, W, 3] to [N, num_classes]."""
        return self.fc(self.maps(x)[-1].mean((1, 2)))


_BLOCKS: dict[str, type[BasicBlock | Bottleneck]] = {"basic": BasicBlock, "bottleneck": Bottleneck}


def build(block: str, layers: Sequence[int], num_classes: int, seed: int) -> ResNet:
    """Build the network with initial weights drawn from a seed."""
    return ResNet(_BLOCKS[block], layers, num_classes, np.random.default_rng(seed))


def build_feature_maps(block: str, layers: Sequence[int], seed: int) -> FeatureMaps:
    """Build the network without its head, with initial weights drawn from a seed."""
    return FeatureMaps(_BLOCKS[block], layers, np.random.default_rng(seed))
