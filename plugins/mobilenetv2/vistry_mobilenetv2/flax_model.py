"""MobileNetV2 in Flax, with the names, shapes and initial distributions of torchvision's."""

from __future__ import annotations

import jax
import numpy as np
from flax import nnx
from jax import Array
from vistry.flax_layers import BatchNorm, Conv, Linear, Sequential, normal, normal_by_fan_out, zeros

# Expansion, channels, blocks and first stride of each stage (Sandler et al., 2018, table 2).
STAGES = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1))
FIRST, LAST = 32, 1280


class Layers:
    """Builds the layers of one network with its random numbers, padded as its weights were trained."""

    def __init__(self, convention: str, random: np.random.Generator):
        self._same = convention == "tensorflow"
        self._random = random

    def convolution(self, inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1) -> Conv:
        """Build a convolution without a bias; TensorFlow's convention pads strided ones to the right and the bottom."""
        return Conv(
            inputs,
            outputs,
            kernel,
            stride=stride,
            padding="SAME" if self._same and stride != 1 else kernel // 2,
            groups=groups,
            use_bias=False,
            weight=normal_by_fan_out,
            random=self._random,
        )

    def activated(self, inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1) -> Sequential:
        """Build a convolution with batch norm and ReLU6."""
        return Sequential(self.convolution(inputs, outputs, kernel, stride, groups), BatchNorm(outputs), jax.nn.relu6)


class InvertedResidual(nnx.Module):
    """Widen, filter each channel by itself, and narrow without an activation (Sandler et al., 2018, section 3.3)."""

    def __init__(self, layers: Layers, inputs: int, outputs: int, stride: int, expansion: int):
        self.has_shortcut = stride == 1 and inputs == outputs
        width = inputs * expansion
        widen = [layers.activated(inputs, width, 1)] if expansion != 1 else []
        self.conv = Sequential(
            *widen,
            layers.activated(width, width, 3, stride, groups=width),
            layers.convolution(width, outputs, 1),
            BatchNorm(outputs),
        )

    def __call__(self, x: Array) -> Array:
        """[N, H, W, C] to [N, H / stride, W / stride, outputs]."""
        out: Array = self.conv(x)
        return x + out if self.has_shortcut else out


class Features(nnx.Module):
    """The network without its head."""

    def __init__(self, convention: str, random: np.random.Generator):
        layers = Layers(convention, random)
        features: list[Sequential | InvertedResidual] = [layers.activated(3, FIRST, 3, stride=2)]
        inputs = FIRST
        for expansion, outputs, blocks, first_stride in STAGES:
            for index in range(blocks):
                stride = 1 if index else first_stride
                features.append(InvertedResidual(layers, inputs, outputs, stride, expansion))
                inputs = outputs
        self.features = Sequential(*features, layers.activated(inputs, LAST, 1))


class FeatureMaps(Features):
    """The network that detectors are built on."""

    def __call__(self, x: Array) -> list[Array]:
        """[N, H, W, 3] to the maps of the last block at each of the strides 4, 8, 16 and 32."""
        return self.features.outputs(x, (3, 6, 13, 18))


class MobileNetV2(Features):
    """A network that maps images [N, H, W, 3] to logits."""

    def __init__(self, num_classes: int, convention: str, random: np.random.Generator):
        super().__init__(convention, random)
        head = Linear(LAST, num_classes, weight=normal(0.01), bias=zeros, random=random)
        self.classifier = Sequential(nnx.Dropout(0.2, rngs=nnx.Rngs(0)), head)

    def __call__(self, x: Array) -> Array:
        """[N, H, W, 3] to [N, num_classes]."""
        logits: Array = self.classifier(self.features(x).mean((1, 2)))
        return logits


def build(num_classes: int, convention: str, seed: int) -> MobileNetV2:
    """Build the network with initial weights drawn from a seed."""
    return MobileNetV2(num_classes, convention, np.random.default_rng(seed))


def build_feature_maps(convention: str, seed: int) -> FeatureMaps:
    """Build the network without its head, with initial weights drawn from a seed."""
    return FeatureMaps(convention, np.random.default_rng(seed))
