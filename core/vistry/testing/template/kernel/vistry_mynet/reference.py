"""The operation in plain torch, and the arguments by which the kernel is held against it."""

from __future__ import annotations

from collections.abc import Iterator

import torch


def hard_swish(x: torch.Tensor) -> torch.Tensor:
    """x * relu6(x + 3) / 6 of a tensor of any shape (Howard et al., 2019)."""
    return x * torch.clamp(x + 3, 0, 6) / 6


def samples(dtype: torch.dtype, device: str) -> Iterator[tuple[torch.Tensor]]:
    """Odd sizes, both memory layouts, strides that are neither, and nothing at all."""
    generator = torch.Generator().manual_seed(0)
    x = 4 * torch.randn((2, 5, 7, 9), generator=generator).to(device, dtype)
    yield (x,)
    yield (x.contiguous(memory_format=torch.channels_last),)
    yield (x[..., ::2],)
    yield (x[:0],)
