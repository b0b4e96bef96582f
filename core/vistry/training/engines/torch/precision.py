"""The number format that torch computes in."""

from __future__ import annotations

import time
from contextlib import AbstractContextManager, nullcontext
from functools import cache

import torch
from torch import nn

from vistry.errors import HyperparameterError, Problem
from vistry.torch_layers.precision import has_low_precision, is_in_single_precision

_DTYPES = {"bf16": torch.bfloat16, "fp16": torch.float16}

# bf16 costs digits, so it has to be faster by more than the noise of the measurement.
ENOUGH_GAIN = 1.2
# Of each format in turn, so that a machine which slows down slows both.
_ROUNDS = 20


def pick_precision(wanted: str, device: torch.device) -> tuple[str, str]:
    """Return the precision to use, and the reason. Raises HyperparameterError if the device can't compute in it."""
    if wanted == "fp16" and device.type == "cpu":
        raise HyperparameterError([Problem("precision", "fp16 needs a GPU", "use bf16, fp32 or auto")])
    if wanted != "auto":
        return wanted, "as asked"
    if device.type == "cuda":
        has_bf16 = torch.cuda.is_bf16_supported()
        return ("bf16", "this GPU computes bf16") if has_bf16 else ("fp32", "this GPU has no bf16")
    return processor_precision()


def precision_of(module: nn.Module, wanted: str, device: torch.device) -> tuple[str, str]:
    """Return the precision that a module computes in, and the reason. Raises as `pick_precision` does."""
    precision, reason = pick_precision(wanted, device)
    if precision != "fp32" and is_in_single_precision(module) and not has_low_precision(module):
        return "fp32", "the detector has no part with_low_precision"
    return precision, reason


def autocast(precision: str, device: torch.device) -> AbstractContextManager[None]:
    """Return a context in which torch computes in a precision."""
    if precision == "fp32":
        return nullcontext()
    return torch.autocast(device.type, dtype=_DTYPES[precision])


def processor_precision() -> tuple[str, str]:
    """Choose fp32 or bf16.

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
    """Measure how many times as fast a convolution is in bf16 as in fp32, each by the fastest of a few runs."""
    images = torch.ones(8, 64, 28, 28).to(memory_format=torch.channels_last)
    weight = torch.ones(64, 64, 3, 3).to(memory_format=torch.channels_last)
    operands = {dtype: (images.to(dtype), weight.to(dtype)) for dtype in (torch.float32, torch.bfloat16)}
    seconds = dict.fromkeys(operands, float("inf"))
    with torch.inference_mode():
        for _ in range(_ROUNDS):
            # In turn, so that another program's load slows both down.
            for dtype, (pixels, kernel) in operands.items():
                began = time.perf_counter()
                torch.nn.functional.conv2d(pixels, kernel, padding=1)
                seconds[dtype] = min(seconds[dtype], time.perf_counter() - began)
    return seconds[torch.float32] / seconds[torch.bfloat16]
