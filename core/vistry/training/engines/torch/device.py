"""The device that torch computes on."""

from __future__ import annotations

import ctypes
import sys
from functools import cache

import torch

# glibc's options of mallopt, from malloc.h
_M_TRIM_THRESHOLD, _M_MMAP_MAX = -1, -4


def pick_device() -> torch.device:
    """Return a GPU if there is one, else the processor."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def device_name(device: torch.device) -> str:
    """Return the name of a GPU's model, or "cpu"."""
    return torch.cuda.get_device_name() if device.type == "cuda" else "cpu"


def peak_memory(device: torch.device) -> int | None:
    """Return the most bytes in use so far in memory of the device's own; None on a processor."""
    return torch.cuda.max_memory_allocated(device) if device.type == "cuda" else None


@cache
def keep_freed_memory() -> None:
    """Let the C library reuse the memory of freed tensors for the next step instead of giving it back each time.

    Each step frees and allocates the same gigabytes, and for the kernel to take, clear and map them anew costs up to a
    third of the step. The process stays as large as its largest step. Only glibc has the setting.
    """
    if sys.platform != "linux":
        return
    library = ctypes.CDLL(None)
    if hasattr(library, "gnu_get_libc_version"):
        library.mallopt(_M_MMAP_MAX, 0)
        library.mallopt(_M_TRIM_THRESHOLD, 2**31 - 1)
