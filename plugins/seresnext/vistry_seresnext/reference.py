"""The end of a squeeze-and-excitation block in plain torch: what its kernel has to agree with, and on what."""

from __future__ import annotations

from collections.abc import Iterator

import torch

_SHAPES = ((2, 72, 1, 1), (2, 5, 9, 7), (3, 80, 7, 7), (1, 6, 36, 36))


def scale_add_relu(x: torch.Tensor, gate: torch.Tensor, residual: torch.Tensor) -> torch.Tensor:
    """relu(x * gate + residual): x and residual [N, C, H, W], gate [N, C, 1, 1] (Hu et al., 2017, figure 3)."""
    return torch.relu(x * gate + residual)


def samples(dtype: torch.dtype, device: str) -> Iterator[tuple[torch.Tensor, torch.Tensor, torch.Tensor]]:
    """Arguments of calls: odd sizes, both memory layouts, layouts that differ, and strides that are neither."""
    for shape in _SHAPES:
        x, gate, residual = _drawn(shape, dtype, device)
        yield x, gate, residual
        yield _channels_last(x), gate, _channels_last(residual)
    yield _channels_last(x), gate, residual
    wide, gate, residual = _drawn((2, 6, 8, 8), dtype, device)
    yield wide[..., ::2], gate, residual.transpose(2, 3)[:, :, :4].transpose(2, 3)


def _drawn(shape: tuple[int, ...], dtype: torch.dtype, device: str) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(sum(shape))
    x, residual = (torch.randn(shape, generator=generator).to(device, dtype) for _ in range(2))
    gate = torch.rand((*shape[:2], 1, 1), generator=generator).to(device, dtype)
    return x, gate, residual


def _channels_last(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.contiguous(memory_format=torch.channels_last)
