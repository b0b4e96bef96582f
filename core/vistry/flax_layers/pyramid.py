"""A feature pyramid on a backbone's maps (Lin et al., 2017), with the names of torchvision's."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jax import Array

from vistry.flax_layers.convolution import Conv
from vistry.flax_layers.initialisation import uniform_by_variance, zeros
from vistry.flax_layers.layers import Sequential
from vistry.flax_layers.norms import with_norms
from vistry.plugin.types import Backbone

CHANNELS = 256  # of every level, as in the paper

ExtraLevels = Callable[[Array], list[Array]]
"""Makes, of the coarsest level [N, H, W, 256], the levels beyond it."""


class FeaturePyramid(nnx.Module):
    """`inner_blocks` and `layer_blocks`, a convolution for each map; `extra_blocks` makes the levels beyond them."""

    def __init__(self, channels: Sequence[int], extra: ExtraLevels, random: np.random.Generator):
        self.inner_blocks = nnx.List([Sequential(_convolution(count, 1, random)) for count in channels])
        self.layer_blocks = nnx.List([Sequential(_convolution(CHANNELS, 3, random)) for _ in channels])
        self.extra_blocks = extra

    def __call__(self, maps: Sequence[Array]) -> list[Array]:
        """Maps [N, h, w, C] from fine to coarse, to levels [N, h, w, 256], the extra ones last."""
        inner = [block(one) for block, one in zip(self.inner_blocks, maps, strict=True)]
        for level in range(len(inner) - 2, -1, -1):
            inner[level] += enlarged(inner[level + 1], (inner[level].shape[1], inner[level].shape[2]))
        levels = [block(one) for block, one in zip(self.layer_blocks, inner, strict=True)]
        return [*levels, *self.extra_blocks(levels[-1])]


def subsampled_level(level: Array) -> list[Array]:
    """Every second pixel [N, ceil(H / 2), ceil(W / 2), C] of a level: torchvision's LastLevelMaxPool."""
    return [level[:, ::2, ::2]]


class TwoMoreLevels(nnx.Module):
    """`p6` and `p7`, strided convolutions (Lin et al., Focal Loss, 2017): torchvision's LastLevelP6P7 on P5."""

    def __init__(self, random: np.random.Generator):
        self.p6 = _convolution(CHANNELS, 3, random, stride=2)
        self.p7 = _convolution(CHANNELS, 3, random, stride=2)

    def __call__(self, level: Array) -> list[Array]:
        """[N, H, W, 256] to maps of half and a quarter of its size."""
        p6 = self.p6(level)
        return [p6, self.p7(jax.nn.relu(p6))]


class Pyramid(nnx.Module):
    """`body`, a backbone, and `fpn`, a pyramid on some of its maps: the names of torchvision's detectors."""

    out_channels = CHANNELS

    def __init__(
        self,
        backbone: Backbone,
        strides: Sequence[int],
        extra: ExtraLevels,
        norms: str,
        random: np.random.Generator,
    ):
        """Build a pyramid on the backbone's maps at some strides.

        `extra`: the levels beyond the coarsest map. `norms`: the kind of norms in the backbone, see `with_norms`.
        """
        self.body = with_norms(backbone.module, norms)
        self.levels = tuple(backbone.strides.index(stride) for stride in strides)
        self.fpn = FeaturePyramid([backbone.channels[level] for level in self.levels], extra, random)

    def __call__(self, images: Array) -> list[Array]:
        """[N, H, W, 3] to maps [N, h, w, 256], from fine to coarse, the extra ones last."""
        maps = self.body(images)
        return self.fpn([maps[level] for level in self.levels])


def enlarged(x: Array, size: tuple[int, int]) -> Array:
    """[N, H, W, C] to [N, *size, C], each pixel that of the nearest one below its place, as in torch."""
    for axis, length in enumerate(size, start=1):
        # torch's factor is a float32, too.
        factor = np.float32(x.shape[axis]) / np.float32(length)
        nearest = np.minimum(np.floor(np.arange(length, dtype=np.float32) * factor), x.shape[axis] - 1).astype(int)
        if np.array_equal(nearest, np.arange(length) // 2):
            # The gradient of a gather adds up one by one, that of a repetition all at once.
            x = jax.lax.slice_in_dim(jnp.repeat(x, 2, axis), 0, length, axis=axis)
        else:
            x = x.take(nearest, axis)
    return x


def _convolution(inputs: int, kernel: int, random: np.random.Generator, stride: int = 1) -> Conv:
    """Build a convolution to 256 channels, drawn as torchvision draws a pyramid's."""
    return Conv(
        inputs,
        CHANNELS,
        kernel,
        stride=stride,
        padding=kernel // 2,
        weight=uniform_by_variance(inputs * kernel**2),
        bias=zeros,
        random=random,
    )
