"""Batch norm and layer norm, computed in float32 in any precision, and the rows of a batch that count."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import jax.numpy as jnp
import numpy as np
from flax import nnx
from jax import Array, lax

_MASK: ContextVar[Array | None] = ContextVar("valid rows", default=None)


@contextmanager
def valid_rows(mask: Array) -> Iterator[None]:
    """Within it, let batch norm and the losses count only the rows where `mask` [N] is 1, and not 0.

    Batches are padded to one size, so that nothing is compiled twice; rows of padding must not count.
    """
    token = _MASK.set(mask)
    try:
        yield
    finally:
        _MASK.reset(token)


def current_valid_rows() -> Array | None:
    """Return the mask [N] float32, 1 for each row that counts; None where all do."""
    return _MASK.get()


class BatchNorm(nnx.Module):
    """Batch norm over all axes but the last, with torch's conventions.

    The new running statistics are (1 - momentum) old + momentum batch, with the unbiased variance; the map itself is
    normalised by the biased one. Rows of padding don't count (see `valid_rows`).
    """

    def __init__(self, features: int, *, eps: float = 1e-5, momentum: float = 0.1):
        self.weight = nnx.Param(jnp.asarray(np.ones(features, np.float32)))
        self.bias = nnx.Param(jnp.asarray(np.zeros(features, np.float32)))
        self.running_mean = nnx.BatchStat(jnp.asarray(np.zeros(features, np.float32)))
        self.running_var = nnx.BatchStat(jnp.asarray(np.ones(features, np.float32)))
        self.num_batches_tracked = nnx.BatchStat(jnp.asarray(np.zeros((), np.int32)))
        self.eps, self.momentum = eps, momentum
        self.use_running_average = False

    def __call__(self, x: Array) -> Array:
        """[N, ..., C] to the same shape and type."""
        x32 = x.astype(jnp.float32)
        if self.use_running_average:
            mean, variance = self.running_mean[...], self.running_var[...]
        else:
            mean, variance = self._batch_statistics(x32)
        scale = self.weight[...] * lax.rsqrt(variance + self.eps)
        return ((x32 - mean) * scale + self.bias[...]).astype(x.dtype)

    def _batch_statistics(self, x: Array) -> tuple[Array, Array]:
        """Return the batch's mean and biased variance, [C] each, and update the running statistics."""
        axes = tuple(range(x.ndim - 1))
        rows = current_valid_rows()
        counted = jnp.ones(x.shape[0]) if rows is None else rows
        weights = counted.reshape(-1, *(1,) * (x.ndim - 1))
        count = counted.sum() * (x[0, ..., 0].size)
        mean = (x * weights).sum(axes) / count
        variance = (jnp.square(x - mean) * weights).sum(axes) / count
        unbiased = variance * count / jnp.maximum(count - 1, 1)
        self._update(self.running_mean, mean)
        self._update(self.running_var, unbiased)
        self.num_batches_tracked.set_value(self.num_batches_tracked[...] + 1)
        return mean, variance

    def _update(self, running: nnx.BatchStat[Array], batch: Array) -> None:
        # set_value, as assigning to [...] in a deep network takes longer than compiling it: each time Flax asks the
        # tracer for a sharding, and JAX goes through all that was traced so far to word its error.
        running.set_value(running[...] + self.momentum * (lax.stop_gradient(batch) - running[...]))


class LayerNorm(nnx.Module):
    """Layer norm over the last axis."""

    def __init__(self, features: int, *, eps: float = 1e-5):
        self.weight = nnx.Param(jnp.asarray(np.ones(features, np.float32)))
        self.bias = nnx.Param(jnp.asarray(np.zeros(features, np.float32)))
        self.eps = eps

    def __call__(self, x: Array) -> Array:
        """[..., C] to the same shape and type."""
        x32 = x.astype(jnp.float32)
        mean = x32.mean(-1, keepdims=True)
        variance = jnp.square(x32 - mean).mean(-1, keepdims=True)
        return ((x32 - mean) * lax.rsqrt(variance + self.eps) * self.weight[...] + self.bias[...]).astype(x.dtype)
