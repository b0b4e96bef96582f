"""The focal loss of a batch of anchors in plain torch: what its kernel has to agree with, and on what."""

from __future__ import annotations

from collections.abc import Iterator

import torch
import torchvision

BACKGROUND, IGNORED = -1, -2

_SHAPES = ((2, 1, 1), (3, 37, 5), (2, 129, 80), (1, 4096, 2))


def sigmoid_focal_loss(logits: torch.Tensor, classes: torch.Tensor, alpha: float, gamma: float) -> torch.Tensor:
    """The focal loss of each image [N], summed over its anchors and classes in float32 (Lin et al., 2017, equation 5).

    logits [N, A, K]; classes [N, A] int64, from 0 to K - 1, or -1 for background, or -2 for an anchor that is ignored,
    as torchvision's Matcher marks them. Without alpha, which weights the classes against the background, if it is -1.
    """
    logits = logits.to(torch.promote_types(logits.dtype, torch.float32))
    all_classes = torch.arange(logits.shape[2], device=logits.device)
    targets = (classes[:, :, None] == all_classes).to(logits.dtype)
    losses: torch.Tensor = torchvision.ops.sigmoid_focal_loss(logits, targets, alpha, gamma)
    return losses.masked_fill((classes < BACKGROUND)[:, :, None], 0.0).sum((1, 2))


def samples(dtype: torch.dtype, device: str) -> Iterator[tuple[torch.Tensor, torch.Tensor, float, float]]:
    """Arguments of calls: odd sizes, one class, no alpha, other exponents, strides, saturated logits, and nothing."""
    for shape in _SHAPES:
        yield *_drawn(shape, dtype, device), 0.25, 2.0
    for alpha, gamma in ((-1.0, 2.0), (0.0, 1.5), (1.0, 0.5), (0.4, 0.0)):
        yield *_drawn((2, 50, 7), dtype, device), alpha, gamma
    logits, classes = _drawn((2, 60, 8), dtype, device)
    yield logits[:, ::2, 1:], classes[:, ::2] - 1, 0.25, 2.0
    yield logits * 30, classes, 0.25, 2.0
    yield logits, torch.full_like(classes, BACKGROUND), 0.25, 2.0
    yield logits, torch.full_like(classes, IGNORED), 0.25, 2.0
    yield logits[:, :0], classes[:, :0], 0.25, 2.0
    yield logits[:0], classes[:0], 0.25, 2.0


def _drawn(shape: tuple[int, int, int], dtype: torch.dtype, device: str) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(sum(shape))
    logits = 3 * torch.randn(shape, generator=generator)
    classes = torch.randint(IGNORED, shape[2], shape[:2], generator=generator)
    return logits.to(device, dtype), classes.to(device)
