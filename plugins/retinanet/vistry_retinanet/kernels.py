"""The focal loss of a batch of anchors in one pass over memory each way, in Triton.

Eager torch makes a map of ones and zeros as large as the logits and passes over such maps a dozen times. Here the
logits and the class of each anchor are read, and only the gradient is written, whose parts are computed anew.
All arithmetic is in float32, whatever the logits hold, and added up in a fixed order: two runs give the same bits.
"""

from __future__ import annotations

from threading import Lock
from typing import Any

import torch
import triton
import triton.language as tl

_BLOCK = 4096
_WARPS = 8
_LAUNCHING = Lock()  # Triton's interpreter isn't thread-safe


@triton.jit  # type: ignore[untyped-decorator]
def _block(
    logits_at: tl.tensor,
    classes_at: tl.tensor,
    size: tl.tensor,
    pieces: tl.tensor,
    CLASSES: tl.constexpr,
    BLOCK: tl.constexpr,
) -> tuple[tl.tensor, ...]:
    """A program's piece of one image: the image, where it stands, which of its places there are and which count, the
    logit of each as seen from its target (positive where it is right), and whether its target is 1.
    """
    image = (tl.program_id(0) // pieces).to(tl.int64)
    begun = (tl.program_id(0) % pieces).to(tl.int64) * BLOCK
    within = begun + tl.arange(0, BLOCK)
    mask = within < size
    offsets = image * size + within
    place = (begun % CLASSES).to(tl.int32) + tl.arange(0, BLOCK)  # 32 bits, which are divided faster
    anchor = image * (size // CLASSES) + begun // CLASSES + place // CLASSES
    logit = tl.load(logits_at + offsets, mask=mask, other=0.0).to(tl.float32)
    label = tl.load(classes_at + anchor, mask=mask, other=-2)
    is_target = label == place % CLASSES
    return image, offsets, mask, label >= -1, tl.where(is_target, logit, -logit), is_target


@triton.jit  # type: ignore[untyped-decorator]
def _terms(
    margin: tl.tensor, is_target: tl.tensor, alpha: tl.tensor, gamma: tl.tensor
) -> tuple[tl.tensor, tl.tensor, tl.tensor, tl.tensor]:
    """Of p = sigmoid(margin), the probability of what is right: p, 1 - p, -log(p), and alpha_t * (1 - p) ** gamma."""
    small = tl.exp(-tl.abs(margin))
    whole = 1.0 + small
    rounded = whole == 1.0
    # log(1 + small), whose rounding error the second factor undoes
    logarithm = tl.where(rounded, small, tl.log(whole) * (small / tl.where(rounded, 1.0, whole - 1.0)))
    right = tl.where(margin >= 0.0, 1.0, small) / whole
    wrong = tl.where(margin >= 0.0, small, 1.0) / whole
    cross_entropy = tl.maximum(-margin, 0.0) + logarithm
    weight = tl.where(alpha < 0.0, 1.0, tl.where(is_target, alpha, 1.0 - alpha))
    factor = weight * tl.exp(-gamma * (tl.maximum(margin, 0.0) + logarithm))
    return right, wrong, cross_entropy, factor


@triton.jit  # type: ignore[untyped-decorator]
def forward_kernel(
    logits_at: tl.tensor,
    classes_at: tl.tensor,
    sums_at: tl.tensor,
    size: tl.tensor,
    pieces: tl.tensor,
    alpha: tl.tensor,
    gamma: tl.tensor,
    CLASSES: tl.constexpr,
    BLOCK: tl.constexpr,
) -> None:
    """The sum of the loss over a piece of an image."""
    _, _, _, counts, margin, is_target = _block(logits_at, classes_at, size, pieces, CLASSES, BLOCK)
    _, _, cross_entropy, factor = _terms(margin, is_target, alpha, gamma)
    tl.store(sums_at + tl.program_id(0), tl.sum(tl.where(counts, factor * cross_entropy, 0.0), axis=0))


@triton.jit  # type: ignore[untyped-decorator]
def backward_kernel(
    upstream_at: tl.tensor,
    logits_at: tl.tensor,
    classes_at: tl.tensor,
    gradient_at: tl.tensor,
    size: tl.tensor,
    pieces: tl.tensor,
    alpha: tl.tensor,
    gamma: tl.tensor,
    CLASSES: tl.constexpr,
    BLOCK: tl.constexpr,
) -> None:
    """The gradient of a piece of an image: (1 - p) ** gamma * (gamma * p * log(p) - (1 - p)), by the margin's sign."""
    image, offsets, mask, counts, margin, is_target = _block(logits_at, classes_at, size, pieces, CLASSES, BLOCK)
    right, wrong, cross_entropy, factor = _terms(margin, is_target, alpha, gamma)
    slope = factor * (gamma * right * cross_entropy + wrong)
    upstream = tl.load(upstream_at + image)
    gradient = tl.where(counts, upstream * tl.where(is_target, -slope, slope), 0.0)
    tl.store(gradient_at + offsets, gradient.to(gradient_at.dtype.element_ty), mask=mask)


def sigmoid_focal_loss(logits: torch.Tensor, classes: torch.Tensor, alpha: float, gamma: float) -> torch.Tensor:
    """The focal loss of each image [N] float32, summed over anchors and classes (Lin et al., 2017, equation 5).

    logits [N, A, K]; classes [N, A] int64, from 0 to K - 1, or -1 for background, or -2 for an anchor that is ignored.
    Without alpha, which weights the classes against the background, if it is -1.

    Raises ValueError for other shapes, another alpha below 0 or above 1, and a negative gamma.
    """
    if logits.dim() != 3 or logits.shape[2] == 0 or classes.shape != logits.shape[:2]:
        shapes = f"{list(logits.shape)} and {list(classes.shape)}"
        raise ValueError(f"sigmoid_focal_loss takes logits [N, A, K] and classes [N, A], not {shapes}")
    if alpha != -1 and not 0 <= alpha <= 1:
        raise ValueError(f"alpha of the focal loss is from 0 to 1, or -1 for none, not {alpha}")
    if not gamma >= 0:
        raise ValueError(f"gamma of the focal loss is at least 0, not {gamma}")
    sums: torch.Tensor = _forward(logits, classes, alpha, gamma)
    return sums


@torch.library.custom_op("vistry_retinanet::sigmoid_focal_loss", mutates_args=())
def _forward(logits: torch.Tensor, classes: torch.Tensor, alpha: float, gamma: float) -> torch.Tensor:
    sums = torch.empty((logits.shape[0], _pieces(logits.shape)), dtype=torch.float32, device=logits.device)
    _launch(forward_kernel, logits.shape, alpha, gamma, logits.contiguous(), classes.contiguous(), sums)
    return sums.sum(1)


@torch.library.custom_op("vistry_retinanet::sigmoid_focal_loss_backward", mutates_args=())
def _backward(
    upstream: torch.Tensor, logits: torch.Tensor, classes: torch.Tensor, alpha: float, gamma: float
) -> torch.Tensor:
    upstream, logits, classes = upstream.contiguous(), logits.contiguous(), classes.contiguous()
    gradient = torch.empty_like(logits)
    _launch(backward_kernel, logits.shape, alpha, gamma, upstream, logits, classes, gradient)
    return gradient


@_forward.register_fake
def _forward_shape(
    logits: torch.Tensor,
    classes: torch.Tensor,  # noqa: ARG001
    alpha: float,  # noqa: ARG001
    gamma: float,  # noqa: ARG001
) -> torch.Tensor:
    return logits.new_empty(logits.shape[0], dtype=torch.float32)


@_backward.register_fake
def _backward_shape(
    upstream: torch.Tensor,  # noqa: ARG001
    logits: torch.Tensor,
    classes: torch.Tensor,  # noqa: ARG001
    alpha: float,  # noqa: ARG001
    gamma: float,  # noqa: ARG001
) -> torch.Tensor:
    return torch.empty_like(logits, memory_format=torch.contiguous_format)


def _keep(ctx: Any, inputs: tuple[Any, ...], output: torch.Tensor) -> None:  # noqa: ARG001
    logits, classes, ctx.alpha, ctx.gamma = inputs
    ctx.save_for_backward(logits, classes)


def _gradients(ctx: Any, upstream: torch.Tensor) -> tuple[torch.Tensor, None, None, None]:
    logits, classes = ctx.saved_tensors
    return _backward(upstream, logits, classes, ctx.alpha, ctx.gamma), None, None, None


_forward.register_autograd(_gradients, setup_context=_keep)


def _launch(kernel: Any, shape: torch.Size, alpha: float, gamma: float, *tensors: torch.Tensor) -> None:
    """Run a kernel over every piece of every image of logits [N, A, K]."""
    pieces = _pieces(shape)
    if shape[0] * pieces == 0:
        return
    size = shape[1] * shape[2]
    with _LAUNCHING, torch.cuda.device_of(tensors[0]):  # type: ignore[no-untyped-call]
        kernel[(shape[0] * pieces,)](
            *tensors, size, pieces, alpha, gamma, CLASSES=shape[2], BLOCK=_BLOCK, num_warps=_WARPS
        )


def _pieces(shape: torch.Size) -> int:
    """How many programs work on one image."""
    pieces: int = triton.cdiv(shape[1] * shape[2], _BLOCK)
    return pieces
