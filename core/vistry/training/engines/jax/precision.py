"""The number format that JAX computes in."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from flax import nnx
from jax import Array

from vistry.errors import HyperparameterError, Problem

# NVIDIA's first generation with bf16 is Ampere.
_BF16_CAPABILITY = 8.0


def pick_precision(wanted: str, device: jax.Device) -> tuple[str, str]:
    """Return the precision to use, and the reason. Raises HyperparameterError for fp16."""
    if wanted == "fp16":
        problem = Problem("precision", "fp16 needs its gradients scaled, which the JAX engine doesn't do", "use bf16")
        raise HyperparameterError([problem])
    if wanted != "auto":
        return wanted, "as asked"
    if device.platform == "cpu":
        return "fp32", "XLA computes bf16 on a processor no faster"
    if device.platform == "gpu" and float(getattr(device, "compute_capability", 0)) < _BF16_CAPABILITY:
        return "fp32", "this GPU has no bf16"
    return "bf16", f"this {device.platform.upper()} computes bf16"


def in_single_precision(output: Array) -> Array:
    """Return floating-point numbers as float32, and whole numbers unchanged."""
    return output.astype(jnp.float32) if jnp.issubdtype(output.dtype, jnp.floating) else output


def with_low_precision(module: nnx.Module) -> nnx.Module:
    """Return the module: the parameters of all its parts have the precision of the run."""
    return module


def with_single_precision(module: nnx.Module) -> nnx.Module:
    """Return the module: a detector in JAX makes its maps float32 before it computes boxes of them."""
    return module
