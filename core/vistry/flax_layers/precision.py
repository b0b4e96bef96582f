"""The precision that parts of a detector compute in: that of their weights, and float32 between them."""

from __future__ import annotations

from typing import Protocol

from flax import nnx
from jax import Array


class _WithWeight(Protocol):
    @property
    def weight(self) -> nnx.Param[Array]: ...


def in_precision_of(layer: _WithWeight, x: Array) -> Array:
    """Return x in the type of a layer's weight, which is that of the run."""
    return x.astype(layer.weight.get_value().dtype)
