"""The norms that a detector can train with, in place of a network's batch norms."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
from flax import nnx
from jax import Array, lax

from vistry.flax_layers.normalisation import BatchNorm

GROUPS = 32  # the paper's default


class FrozenBatchNorm(nnx.Module):
    """The tensors of a batch norm, none of which trains: torchvision's FrozenBatchNorm2d."""

    def __init__(self, features: int, *, eps: float = 1e-5):
        self.weight = nnx.BatchStat(jnp.asarray(np.ones(features, np.float32)))
        self.bias = nnx.BatchStat(jnp.asarray(np.zeros(features, np.float32)))
        self.running_mean = nnx.BatchStat(jnp.asarray(np.zeros(features, np.float32)))
        self.running_var = nnx.BatchStat(jnp.asarray(np.ones(features, np.float32)))
        self.eps = eps

    def __call__(self, x: Array) -> Array:
        """[N, ..., C] to the same shape and type."""
        scale = self.weight[...] * lax.rsqrt(self.running_var[...] + self.eps)
        shift = self.bias[...] - self.running_mean[...] * scale
        return (x.astype(jnp.float32) * scale + shift).astype(x.dtype)


class GroupNorm(nnx.Module):
    """Group norm (Wu and He, 2018) of [N, H, W, C] in at most 32 groups, each of at least two channels.

    A map of one pixel, as in a squeezed attention, is one group: normalising two values leaves only their order.
    """

    def __init__(self, channels: int, *, eps: float = 1e-5):
        self.weight = nnx.Param(jnp.asarray(np.ones(channels, np.float32)))
        self.bias = nnx.Param(jnp.asarray(np.zeros(channels, np.float32)))
        limit = max(1, min(GROUPS, channels // 2))
        self.groups = next(count for count in range(limit, 0, -1) if channels % count == 0)
        self.eps = eps

    def __call__(self, x: Array) -> Array:
        """[N, H, W, C] to the same shape and type."""
        count = 1 if x.shape[1:3] == (1, 1) else self.groups
        groups = x.astype(jnp.float32).reshape(*x.shape[:3], count, -1)
        mean = groups.mean((1, 2, 4), keepdims=True)
        variance = jnp.square(groups - mean).mean((1, 2, 4), keepdims=True)
        normalised = ((groups - mean) * lax.rsqrt(variance + self.eps)).reshape(x.shape)
        return (normalised * self.weight[...] + self.bias[...]).astype(x.dtype)


def with_norms(module: nnx.Module, kind: str) -> nnx.Module:
    """Exchange each BatchNorm of a module in place, and return the module.

    `kind`: "frozen" has the tensors of a batch norm, "group" has no statistics, "batch" changes nothing.
    """
    if kind == "batch":
        return module
    for name, child in list(nnx.iter_children(module)):
        if isinstance(child, nnx.Variable):
            continue
        if not isinstance(child, BatchNorm):
            with_norms(child, kind)
        elif isinstance(module, nnx.List):
            module[int(str(name))] = _exchanged(child, kind)
        else:
            setattr(module, str(name), _exchanged(child, kind))
    return module


def _exchanged(norm: BatchNorm, kind: str) -> nnx.Module:
    features = norm.weight.shape[0]
    if kind == "group":
        return GroupNorm(features, eps=norm.eps)
    frozen = FrozenBatchNorm(features, eps=norm.eps)
    for name in ("weight", "bias", "running_mean", "running_var"):
        getattr(frozen, name).set_value(getattr(norm, name).get_value())
    return frozen
