"""The end of a squeeze-and-excitation block in one pass over memory: relu(x * gate + residual), in Triton.

Eager torch passes over the map three times: to scale it, to add and to clip. All arithmetic here is in float32,
whatever the tensors hold. Nothing is added up in an order that could change: two runs give the same bits.
"""

from __future__ import annotations

from threading import Lock
from typing import Any

import torch
import triton
import triton.language as tl

_TILE = 4096
_WARPS = 8
_LAUNCHING = Lock()  # Triton's interpreter isn't thread-safe


@triton.jit  # type: ignore[untyped-decorator]
def _tile(
    channels: tl.tensor, pixels: tl.tensor, CHANNELS_LAST: tl.constexpr, BLOCK_C: tl.constexpr, BLOCK_P: tl.constexpr
) -> tuple[tl.tensor, ...]:
    """A program's tile [BLOCK_C, BLOCK_P] of one image: the image, where its sums over pixels go, its channels,
    and the offsets and mask of its places.
    """
    program = tl.program_id(0)
    pieces = tl.cdiv(pixels, BLOCK_P)
    groups = tl.cdiv(channels, BLOCK_C)
    piece = program % pieces
    group = program // pieces % groups
    image = (program // (pieces * groups)).to(tl.int64)
    channel = group * BLOCK_C + tl.arange(0, BLOCK_C)
    pixel = piece * BLOCK_P + tl.arange(0, BLOCK_P)
    if CHANNELS_LAST:
        within = channel[:, None] + pixel[None, :] * channels
    else:
        within = channel[:, None] * pixels + pixel[None, :]
    offsets = image * channels * pixels + within
    mask = (channel[:, None] < channels) & (pixel[None, :] < pixels)
    return image, (image * pieces + piece) * channels, channel, offsets, mask


@triton.jit  # type: ignore[untyped-decorator]
def forward_kernel(
    x_at: tl.tensor,
    gate_at: tl.tensor,
    residual_at: tl.tensor,
    result_at: tl.tensor,
    channels: tl.tensor,
    pixels: tl.tensor,
    CHANNELS_LAST: tl.constexpr,
    BLOCK_C: tl.constexpr,
    BLOCK_P: tl.constexpr,
) -> None:
    """A tile of the result."""
    image, _, channel, offsets, mask = _tile(channels, pixels, CHANNELS_LAST, BLOCK_C, BLOCK_P)
    x = tl.load(x_at + offsets, mask=mask, other=0.0).to(tl.float32)
    residual = tl.load(residual_at + offsets, mask=mask, other=0.0).to(tl.float32)
    gate = tl.load(gate_at + image * channels + channel, mask=channel < channels, other=0.0).to(tl.float32)
    total = x * gate[:, None] + residual
    result = tl.where(total <= 0.0, 0.0, total)  # a NaN stays one, as in torch
    tl.store(result_at + offsets, result.to(result_at.dtype.element_ty), mask=mask)


@triton.jit  # type: ignore[untyped-decorator]
def backward_kernel(
    upstream_at: tl.tensor,
    x_at: tl.tensor,
    gate_at: tl.tensor,
    result_at: tl.tensor,
    x_gradient_at: tl.tensor,
    residual_gradient_at: tl.tensor,
    gate_sums_at: tl.tensor,
    channels: tl.tensor,
    pixels: tl.tensor,
    CHANNELS_LAST: tl.constexpr,
    BLOCK_C: tl.constexpr,
    BLOCK_P: tl.constexpr,
) -> None:
    """A tile of the gradients of x and residual, and its sums over pixels for the gradient of the gate."""
    image, sums, channel, offsets, mask = _tile(channels, pixels, CHANNELS_LAST, BLOCK_C, BLOCK_P)
    upstream = tl.load(upstream_at + offsets, mask=mask, other=0.0).to(tl.float32)
    result = tl.load(result_at + offsets, mask=mask, other=0.0).to(tl.float32)
    x = tl.load(x_at + offsets, mask=mask, other=0.0).to(tl.float32)
    gate = tl.load(gate_at + image * channels + channel, mask=channel < channels, other=0.0).to(tl.float32)
    passed = tl.where(result <= 0.0, 0.0, upstream)
    tl.store(residual_gradient_at + offsets, passed.to(residual_gradient_at.dtype.element_ty), mask=mask)
    scaled = passed * gate[:, None]
    tl.store(x_gradient_at + offsets, scaled.to(x_gradient_at.dtype.element_ty), mask=mask)
    tl.store(gate_sums_at + sums + channel, tl.sum(passed * x, axis=1), mask=channel < channels)


def scale_add_relu(x: torch.Tensor, gate: torch.Tensor, residual: torch.Tensor) -> torch.Tensor:
    """relu(x * gate + residual): x and residual [N, C, H, W], gate [N, C, 1, 1], all of one dtype and device.

    The result has the layout of x: channels last, or else contiguous. Raises ValueError for other shapes.
    """
    if x.dim() != 4 or residual.shape != x.shape or gate.shape != (*x.shape[:2], 1, 1):
        shapes = ", ".join(str(list(tensor.shape)) for tensor in (x, gate, residual))
        raise ValueError(f"scale_add_relu takes [N, C, H, W], [N, C, 1, 1] and [N, C, H, W], not {shapes}")
    result: torch.Tensor = _forward(x, gate, residual)
    return result


@torch.library.custom_op("vistry_seresnext::scale_add_relu", mutates_args=())
def _forward(x: torch.Tensor, gate: torch.Tensor, residual: torch.Tensor) -> torch.Tensor:
    layout = _layout(x)
    x, residual = x.contiguous(memory_format=layout), residual.contiguous(memory_format=layout)
    result = torch.empty_like(x, memory_format=layout)
    _launch(forward_kernel, layout, x.shape, x, gate.contiguous(), residual, result)
    return result


@torch.library.custom_op("vistry_seresnext::scale_add_relu_backward", mutates_args=())
def _backward(
    upstream: torch.Tensor, x: torch.Tensor, gate: torch.Tensor, result: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    layout = _layout(result)
    upstream, x = upstream.contiguous(memory_format=layout), x.contiguous(memory_format=layout)
    x_gradient, residual_gradient = torch.empty_like(result), torch.empty_like(result)
    images, channels, height, width = x.shape
    _, block = _blocks(channels, height * width, layout)
    pieces = triton.cdiv(height * width, block)
    sums = torch.empty((images, pieces, channels), dtype=torch.float32, device=x.device)
    arguments = (upstream, x, gate.contiguous(), result, x_gradient, residual_gradient, sums)
    _launch(backward_kernel, layout, x.shape, *arguments)
    return x_gradient, sums.sum(1).to(gate.dtype).view(images, channels, 1, 1), residual_gradient


@_forward.register_fake
def _forward_shape(x: torch.Tensor, gate: torch.Tensor, residual: torch.Tensor) -> torch.Tensor:  # noqa: ARG001
    return torch.empty_like(x, memory_format=_layout(x))


@_backward.register_fake
def _backward_shapes(
    upstream: torch.Tensor,  # noqa: ARG001
    x: torch.Tensor,  # noqa: ARG001
    gate: torch.Tensor,
    result: torch.Tensor,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    return torch.empty_like(result), gate.new_empty(gate.shape), torch.empty_like(result)


def _keep(ctx: Any, inputs: tuple[torch.Tensor, ...], output: torch.Tensor) -> None:
    x, gate, _ = inputs
    ctx.save_for_backward(x, gate, output)


def _gradients(ctx: Any, upstream: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    gradients: tuple[torch.Tensor, torch.Tensor, torch.Tensor] = _backward(upstream, *ctx.saved_tensors)
    return gradients


_forward.register_autograd(_gradients, setup_context=_keep)


def _layout(tensor: torch.Tensor) -> torch.memory_format:
    """The layout that a result for this tensor has."""
    last = tensor.is_contiguous(memory_format=torch.channels_last) and not tensor.is_contiguous()
    return torch.channels_last if last else torch.contiguous_format


def _blocks(channels: int, pixels: int, layout: torch.memory_format) -> tuple[int, int]:
    """A tile's channels and pixels, powers of two: long in the direction in which memory runs."""
    if layout is torch.channels_last:
        of_channels = min(triton.next_power_of_2(channels), 64)
        return of_channels, min(triton.next_power_of_2(pixels), _TILE // of_channels)
    of_pixels = min(triton.next_power_of_2(pixels), 1024)
    return min(triton.next_power_of_2(channels), _TILE // of_pixels), of_pixels


def _launch(kernel: Any, layout: torch.memory_format, shape: torch.Size, *tensors: torch.Tensor) -> None:
    """Run a kernel over every tile of maps [N, C, H, W]."""
    images, channels, pixels = shape[0], shape[1], shape[2] * shape[3]
    of_channels, of_pixels = _blocks(channels, pixels, layout)
    programs = images * triton.cdiv(channels, of_channels) * triton.cdiv(pixels, of_pixels)
    with _LAUNCHING, torch.cuda.device_of(tensors[0]):  # type: ignore[no-untyped-call]
        kernel[(programs,)](
            *tensors,
            channels,
            pixels,
            CHANNELS_LAST=layout is torch.channels_last,
            BLOCK_C=of_channels,
            BLOCK_P=of_pixels,
            num_warps=_WARPS,
        )
