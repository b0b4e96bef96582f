"""What torch needs to be told about a processor: which number format is faster on it, and to keep its memory."""

from __future__ import annotations

import ctypes
import sys
import time
from functools import cache

import torch

ENOUGH_GAIN = 1.2
_ROUNDS = 20
_M_TRIM_THRESHOLD, _M_MMAP_MAX = -1, -4


def auto_precision() -> tuple[str, str]:
    """fp32 or bf16, and why.

    Tiles (AMX) make bf16 faster for certain. Without them processors that compute bf16 differ: some take half the time
    of fp32, some twice as long, so it is measured.
    """
    if torch.cpu._is_amx_tile_supported():
        return "bf16", "this processor multiplies bf16 in tiles (AMX)"
    if not torch.cpu._is_avx512_bf16_supported():
        return "fp32", "this processor doesn't compute bf16"
    gain = bf16_gain()
    return "bf16" if gain >= ENOUGH_GAIN else "fp32", f"a convolution in bf16 is {gain:.1f} times as fast here"


@cache
def bf16_gain() -> float:
    """How many times as fast as in fp32 a convolution in bf16 is, by the fastest of a few runs in turn."""
    images = torch.ones(8, 64, 28, 28).to(memory_format=torch.channels_last)
    weight = torch.ones(64, 64, 3, 3).to(memory_format=torch.channels_last)
    pairs = {kind: (images.to(kind), weight.to(kind)) for kind in (torch.float32, torch.bfloat16)}
    seconds = dict.fromkeys(pairs, float("inf"))
    with torch.inference_mode():
        for _ in range(_ROUNDS):
            for kind, (pixels, kernel) in pairs.items():
                began = time.perf_counter()
                torch.nn.functional.conv2d(pixels, kernel, padding=1)
                seconds[kind] = min(seconds[kind], time.perf_counter() - began)
    return seconds[torch.float32] / seconds[torch.bfloat16]


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
