"""The device that JAX computes on."""

from __future__ import annotations

import jax


def pick_device() -> jax.Device:
    """Return JAX's first device, which is an accelerator if JAX has one."""
    return jax.devices()[0]


def device_name(device: jax.Device) -> str:
    """Return the name of an accelerator's model, or "cpu"."""
    return "cpu" if device.platform == "cpu" else device.device_kind


def peak_memory(device: jax.Device) -> int | None:
    """Return the most bytes in use so far in memory of the device's own; None on a processor, or if it can't tell."""
    if device.platform == "cpu":
        return None
    return int((device.memory_stats() or {}).get("peak_bytes_in_use", 0)) or None
