"""Convolution, computed on processors without what XLA computes slowly there."""

from __future__ import annotations

from functools import reduce
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jax import Array, lax

from vistry.flax_layers.initialisation import Initial, uniform_by_fan_in
from vistry.flax_layers.pooling import padded, taps

SMALL_MAP = 4  # height and width up to which a matrix product is faster, as measured

_Padding = list[tuple[int, int]]


class Conv(nnx.Module):
    """[N, H, W, I] to [N, H', W', O], with `weight` [O, I / groups, K, K] and `bias` [O].

    `padding`: pixels on every side, or "SAME" as TensorFlow defines it. `weight`, `bias`: how each is drawn, as torch
    does it by default. `random`: what draws them.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        *,
        stride: int = 1,
        padding: int | str = 0,
        groups: int = 1,
        use_bias: bool = True,
        weight: Initial | None = None,
        bias: Initial | None = None,
        random: np.random.Generator,
    ):
        shape = (out_channels, in_channels // groups, kernel_size, kernel_size)
        default = uniform_by_fan_in(in_channels // groups * kernel_size * kernel_size)
        self.weight = nnx.Param(jnp.asarray((weight or default)(random, shape)))
        self.bias = nnx.Param(jnp.asarray((bias or default)(random, (out_channels,)))) if use_bias else None
        self.stride, self.padding, self.groups = stride, padding, groups

    def __call__(self, x: Array) -> Array:
        """[N, H, W, I] to [N, H', W', O]."""
        weight = self.weight[...]
        padding: Any = self.padding
        if isinstance(padding, str):
            padding = lax.padtype_to_pads(x.shape[1:3], weight.shape[2:], (self.stride, self.stride), padding)
        else:
            padding = [(padding, padding)] * 2
        x = self._convolve(x, weight, stride=self.stride, padding=padding, groups=self.groups)
        return x if self.bias is None else x + self.bias[...]

    def _convolve(self, x: Array, weight: Array, stride: int, padding: _Padding, groups: int) -> Array:
        return convolve(x, weight, stride=stride, padding=padding, groups=groups)


class BranchConv(Conv):
    """A convolution to be called within a branch or a loop of JAX.

    On a processor it is a matrix product, as XLA's own convolution takes 20 times as long there.
    """

    def _convolve(self, x: Array, weight: Array, stride: int, padding: _Padding, groups: int) -> Array:
        by_product = jax.default_backend() == "cpu"
        method = _by_matrix_product if by_product else convolve
        return method(x, weight, stride=stride, padding=padding, groups=groups)


def convolve(x: Array, weight: Array, stride: int, padding: _Padding, groups: int) -> Array:
    """Convolve a map [N, H, W, I] with a weight [O, I / groups, K, K]: to [N, H', W', O].

    XLA's convolution on a processor takes up to 17 times as long as a matrix product on maps of 4x4 and smaller; with
    groups its gradient takes up to 200 times as long on any map, and with kernels of 1x1 twice.
    """
    if jax.default_backend() == "cpu":
        if groups == x.shape[3] == weight.shape[0]:
            return _depthwise(x, weight, stride, padding=padding)
        if groups > 1 or weight.shape[2:] == (1, 1) or max(x.shape[1:3]) <= SMALL_MAP:
            return _by_matrix_product(x, weight, stride=stride, padding=padding, groups=groups)
    return lax.conv_general_dilated(
        x, weight, (stride, stride), padding, dimension_numbers=("NHWC", "OIHW", "NHWC"), feature_group_count=groups
    )


def _depthwise(x: Array, weight: Array, stride: int, padding: _Padding) -> Array:
    """Add up the map under each position of the kernel, times the weight there."""
    values = taps(padded(x, padding), weight.shape[2:], stride)
    flat = weight.reshape(weight.shape[0], -1).T
    return reduce(lax.add, (tap * flat[index] for index, tap in enumerate(values)))


def _by_matrix_product(x: Array, weight: Array, stride: int, padding: _Padding, groups: int) -> Array:
    """Multiply, for each group, [N H' W', K K I] by [K K I, O]."""
    outputs, inputs = weight.shape[:2]  # of all groups, of each group
    values = taps(padded(x, padding), weight.shape[2:], stride)
    places = values[0].shape[:3]
    rows = [tap.reshape(-1, groups, inputs) for tap in values]
    columns = jnp.concatenate(rows, axis=2).transpose(1, 0, 2)
    kernel = weight.reshape(groups, outputs // groups, inputs, -1).transpose(0, 3, 2, 1)
    product = columns @ kernel.reshape(groups, -1, outputs // groups)
    return product.transpose(1, 0, 2).reshape(*places, outputs)
