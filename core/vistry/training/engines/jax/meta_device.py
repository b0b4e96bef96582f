"""Modules without numbers: JAX's abstract evaluation knows names and shapes, and computes nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx


def on_meta_device(build: Callable[[], nnx.Module]) -> nnx.Module:
    """Build a module whose tensors have shapes and no values."""
    module: nnx.Module = nnx.eval_shape(build)
    return module


def output_shape(build: Callable[[], Any], images: tuple[int, int, int, int]) -> tuple[int, ...]:
    """Return the shape of a module's output for images [N, H, W, 3] of this shape."""
    abstract = jax.ShapeDtypeStruct(images, jnp.float32)  # type: ignore[no-untyped-call]
    return tuple(nnx.eval_shape(lambda pixels: build()(pixels), abstract).shape)
