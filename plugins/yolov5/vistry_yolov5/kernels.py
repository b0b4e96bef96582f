"""YOLOv5's two dense computations in one pass over memory, in Triton.

Eager torch turns all numbers of a head into probabilities and boxes, a map at a time, to throw nearly all of them away.
`decode_head` reads the objectness of each anchor, and the rest only where that alone is above the threshold. For the
loss, `complete_iou` reads two boxes and writes a number where eager torch makes some forty launches each way.

All arithmetic is in float32, whatever the tensors hold. Nothing is added up in an order that could change: two runs
give the same bits.
"""

from __future__ import annotations

from threading import Lock
from typing import Any

import torch
import triton
import triton.language as tl

from vistry_yolov5.reference import BOX_FIELDS
from vistry_yolov5.reference import EPSILON as _EPSILON

EPSILON = tl.constexpr(_EPSILON)
QUARTER_TURN = tl.constexpr(1.5707963267948966)
OF_THE_ASPECTS = tl.constexpr(0.4052847345693511)  # 4 / pi ** 2
_CELLS, _CLASSES = 128, 32
_BOXES = 512
_WARPS = 4
_LAUNCHING = Lock()  # Triton's interpreter isn't thread-safe


@triton.jit  # type: ignore[untyped-decorator]
def _sigmoid(logit: tl.tensor) -> tl.tensor:
    small = tl.exp(-tl.abs(logit))  # at most 1
    return tl.where(logit >= 0.0, 1.0, small) / (1.0 + small)


@triton.jit  # type: ignore[untyped-decorator]
def _likeliest(
    logits: tl.tensor, step: tl.tensor, classes: tl.tensor, is_read: tl.tensor, BLOCK: tl.constexpr
) -> tuple[tl.tensor, tl.tensor]:
    """The largest logit of each cell and its class: of equal ones the first; NaN counts as the largest."""
    kind = tl.arange(0, BLOCK)
    best = tl.where(is_read, float("-inf"), 0.0)
    label = tl.where(is_read, 0, 0)
    begun = 0
    until = tl.where(tl.max(is_read.to(tl.int32), axis=0) > 0, classes, 0)
    while begun < until:
        mask = is_read[:, None] & (begun + kind < classes)[None, :]
        logit = tl.load(logits[:, None] + (begun + kind)[None, :] * step, mask=mask, other=float("-inf")).to(tl.float32)
        is_none = logit != logit
        has_none = tl.max(is_none.to(tl.int32), axis=1) > 0
        largest = tl.max(tl.where(is_none, float("-inf"), logit), axis=1)
        is_largest = tl.where(has_none[:, None], is_none, logit == largest[:, None])
        first = begun + tl.min(tl.where(is_largest, kind[None, :], BLOCK), axis=1)
        is_better = (largest > best) | has_none & (best == best)
        label = tl.where(is_better, first, label)
        best = tl.where(is_better, tl.where(has_none, float("nan"), largest), best)
        begun += BLOCK
    return best, label


@triton.jit  # type: ignore[untyped-decorator]
def decode_kernel(
    logits_at: tl.tensor,
    anchors_at: tl.tensor,
    rows_at: tl.tensor,
    anchors: tl.tensor,
    classes: tl.tensor,
    cells: tl.tensor,
    width: tl.tensor,
    stride: tl.tensor,
    threshold: tl.tensor,
    image_step: tl.tensor,
    field_step: tl.tensor,
    cell_step: tl.tensor,
    FIELDS: tl.constexpr,
    CELLS: tl.constexpr,
    CLASSES: tl.constexpr,
) -> None:
    """One anchor of some cells of one image."""
    pieces = tl.cdiv(cells, CELLS)
    cell = tl.program_id(0) % pieces * CELLS + tl.arange(0, CELLS)
    anchor = tl.program_id(0) // pieces % anchors
    image = (tl.program_id(0) // (pieces * anchors)).to(tl.int64)
    mask = cell < cells
    step = tl.cast(field_step, tl.int64)
    logits = logits_at + image * image_step + anchor * (FIELDS + classes) * step + cell.to(tl.int64) * cell_step

    objectness = _sigmoid(tl.load(logits + 4 * step, mask=mask, other=float("-inf")).to(tl.float32))
    is_read = mask & ~(objectness <= threshold)  # NaN stays NaN
    best, label = _likeliest(logits + FIELDS * step, step, classes, is_read, CLASSES)
    score = objectness * _sigmoid(best)
    is_kept = is_read & ~(score <= threshold)

    x = 2.0 * _sigmoid(tl.load(logits, mask=is_kept, other=0.0).to(tl.float32)) - 0.5
    y = 2.0 * _sigmoid(tl.load(logits + step, mask=is_kept, other=0.0).to(tl.float32)) - 0.5
    across = 2.0 * _sigmoid(tl.load(logits + 2 * step, mask=is_kept, other=0.0).to(tl.float32))
    down = 2.0 * _sigmoid(tl.load(logits + 3 * step, mask=is_kept, other=0.0).to(tl.float32))
    x = (x + (cell % width).to(tl.float32)) * stride
    y = (y + (cell // width).to(tl.float32)) * stride
    across = across * across * tl.load(anchors_at + 2 * anchor).to(tl.float32) / 2.0
    down = down * down * tl.load(anchors_at + 2 * anchor + 1).to(tl.float32) / 2.0

    rows = rows_at + ((image * anchors + anchor) * cells + cell) * 6
    tl.store(rows, tl.where(is_kept, x - across, 0.0), mask=mask)
    tl.store(rows + 1, tl.where(is_kept, y - down, 0.0), mask=mask)
    tl.store(rows + 2, tl.where(is_kept, x + across, 0.0), mask=mask)
    tl.store(rows + 3, tl.where(is_kept, y + down, 0.0), mask=mask)
    tl.store(rows + 4, tl.where(is_kept, score, 0.0), mask=mask)
    tl.store(rows + 5, tl.where(is_kept, label.to(tl.float32), 0.0), mask=mask)


@triton.jit  # type: ignore[untyped-decorator]
def _angle(rise: tl.tensor, run: tl.tensor) -> tl.tensor:
    """atan(rise / run) of a positive run, by reduction to an eighth of a turn's half and a polynomial fitted there."""
    steep = tl.abs(rise)
    small, large = tl.minimum(steep, run), tl.maximum(steep, run)
    is_turned = small > 0.41421356 * large  # tan(pi / 8): then pi / 4 is taken off
    ratio = tl.where(is_turned, small - large, small) / tl.where(is_turned, small + large, large)
    square = ratio * ratio
    series = 0.105938129 - 0.0607821904 * square
    series = -0.333333164 + square * (0.199984714 + square * (-0.142435327 + square * series))
    angle = ratio + ratio * square * series + tl.where(is_turned, QUARTER_TURN / 2, 0.0)
    angle = tl.where(steep > run, QUARTER_TURN - angle, angle)
    return tl.where(rise < 0.0, -angle, angle)


@triton.jit  # type: ignore[untyped-decorator]
def _box(boxes_at: tl.tensor, index: tl.tensor, mask: tl.tensor) -> tuple[tl.tensor, ...]:
    """Boxes by index: centre x, centre y, width, height."""
    x = tl.load(boxes_at + index * 4, mask=mask, other=0.0).to(tl.float32)
    y = tl.load(boxes_at + index * 4 + 1, mask=mask, other=0.0).to(tl.float32)
    width = tl.load(boxes_at + index * 4 + 2, mask=mask, other=0.0).to(tl.float32)
    height = tl.load(boxes_at + index * 4 + 3, mask=mask, other=0.0).to(tl.float32)
    return x, y, width, height


@triton.jit  # type: ignore[untyped-decorator]
def _side(centre: tl.tensor, size: tl.tensor, target: tl.tensor, target_size: tl.tensor) -> tuple[tl.tensor, ...]:
    """In one direction: the overlap, below 0 where there is none, the length around both, and what share of the low
    and of the high end is the box's within the overlap, one half where ends are equal. Around both it is the rest.
    """
    low, high = centre - size / 2.0, centre + size / 2.0
    target_low, target_high = target - target_size / 2.0, target + target_size / 2.0
    overlap = tl.minimum(high, target_high) - tl.maximum(low, target_low)
    around = tl.maximum(high, target_high) - tl.minimum(low, target_low)
    of_low = tl.where(low > target_low, 1.0, tl.where(low == target_low, 0.5, 0.0))
    of_high = tl.where(high < target_high, 1.0, tl.where(high == target_high, 0.5, 0.0))
    return overlap, around, of_low, of_high


@triton.jit  # type: ignore[untyped-decorator]
def _terms(
    width: tl.tensor,
    height: tl.tensor,
    target_width: tl.tensor,
    target_height: tl.tensor,
    across: tl.tensor,
    down: tl.tensor,
) -> tuple[tl.tensor, ...]:
    """The IoU, the union, the difference of the aspects' angles, v and alpha."""
    shared = tl.maximum(across, 0.0) * tl.maximum(down, 0.0)
    union = width * height + target_width * target_height - shared + EPSILON
    iou = shared / union
    # atan(a) - atan(b) as one angle, which loses no digits where the aspects are nearly equal
    tall, target_tall = height + EPSILON, target_height + EPSILON
    turned = _angle(target_width * tall - width * target_tall, target_tall * tall + target_width * width)
    v = OF_THE_ASPECTS * turned * turned
    alpha = v / (tl.maximum(1.0 - iou, 0.0) + v + EPSILON)
    return iou, union, turned, v, alpha


@triton.jit  # type: ignore[untyped-decorator]
def iou_kernel(
    boxes_at: tl.tensor, targets_at: tl.tensor, result_at: tl.tensor, count: tl.tensor, BLOCK: tl.constexpr
) -> None:
    """Some boxes, each with its target."""
    index = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    mask = index < count
    x, y, width, height = _box(boxes_at, index, mask)
    target_x, target_y, target_width, target_height = _box(targets_at, index, mask)
    across, around_x, _, _ = _side(x, width, target_x, target_width)
    down, around_y, _, _ = _side(y, height, target_y, target_height)
    iou, _, _, v, alpha = _terms(width, height, target_width, target_height, across, down)
    aside, below = x - target_x, y - target_y
    distance = (aside * aside + below * below) / (around_x * around_x + around_y * around_y + EPSILON)
    tl.store(result_at + index, iou - distance - alpha * v, mask=mask)


@triton.jit  # type: ignore[untyped-decorator]
def iou_backward_kernel(
    upstream_at: tl.tensor,
    boxes_at: tl.tensor,
    targets_at: tl.tensor,
    gradient_at: tl.tensor,
    count: tl.tensor,
    BLOCK: tl.constexpr,
) -> None:
    """The gradient of some boxes: of the IoU by its overlap and area, less that of the distance and of alpha * v."""
    index = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    mask = index < count
    x, y, width, height = _box(boxes_at, index, mask)
    target_x, target_y, target_width, target_height = _box(targets_at, index, mask)
    across, around_x, of_left, of_right = _side(x, width, target_x, target_width)
    down, around_y, of_top, of_bottom = _side(y, height, target_y, target_height)
    iou, union, turned, _, alpha = _terms(width, height, target_width, target_height, across, down)

    of_shared = (1.0 + iou) / union
    of_area = -iou / union
    of_across = tl.where(across > 0.0, of_shared * tl.maximum(down, 0.0), 0.0)
    of_down = tl.where(down > 0.0, of_shared * tl.maximum(across, 0.0), 0.0)

    aside, below = x - target_x, y - target_y
    diagonal = around_x * around_x + around_y * around_y + EPSILON
    distance = (aside * aside + below * below) / diagonal
    of_around_x = 2.0 * distance * around_x / diagonal
    of_around_y = 2.0 * distance * around_y / diagonal

    left = -of_across * of_left - of_around_x * (1.0 - of_left)
    right = of_across * of_right + of_around_x * (1.0 - of_right)
    top = -of_down * of_top - of_around_y * (1.0 - of_top)
    bottom = of_down * of_bottom + of_around_y * (1.0 - of_bottom)

    tall = height + EPSILON
    of_aspect = 2.0 * OF_THE_ASPECTS * alpha * turned / (tall * tall + width * width)

    upstream = tl.load(upstream_at + index, mask=mask, other=0.0).to(tl.float32)
    of_x = left + right - 2.0 * aside / diagonal
    of_y = top + bottom - 2.0 * below / diagonal
    of_width = (right - left) / 2.0 + of_area * height + of_aspect * tall
    of_height = (bottom - top) / 2.0 + of_area * width - of_aspect * width
    dtype = gradient_at.dtype.element_ty
    tl.store(gradient_at + index * 4, (upstream * of_x).to(dtype), mask=mask)
    tl.store(gradient_at + index * 4 + 1, (upstream * of_y).to(dtype), mask=mask)
    tl.store(gradient_at + index * 4 + 2, (upstream * of_width).to(dtype), mask=mask)
    tl.store(gradient_at + index * 4 + 3, (upstream * of_height).to(dtype), mask=mask)


def decode_head(logits: torch.Tensor, anchors: torch.Tensor, stride: int, threshold: float) -> torch.Tensor:
    """Box, score and label of every anchor in every cell [N, A * h * w, 6] float32, by anchor, then row, then column.

    logits [N, A * (5 + C), h, w]; anchors [A, 2], widths and heights in pixels. What the six numbers are, and which
    rows are 0, is told by the reference. Nothing has gradients.

    Raises ValueError for other shapes.
    """
    is_valid = logits.dim() == 4 and anchors.dim() == 2 and anchors.shape[0] > 0 and anchors.shape[1] == 2
    if not is_valid or logits.shape[1] % len(anchors) or logits.shape[1] // len(anchors) <= BOX_FIELDS:
        shapes = f"{list(logits.shape)} and {list(anchors.shape)}"
        raise ValueError(f"decode_head takes logits [N, A * (5 + C), h, w] and anchors [A, 2], not {shapes}")
    rows: torch.Tensor = _decoded(logits.detach(), anchors.detach(), stride, threshold)
    return rows


def complete_iou(boxes: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """The complete IoU of each box with its target [M] float32 (Zheng et al., Distance-IoU Loss, 2020, equation 10).

    boxes and targets [M, 4]: centre x, centre y, width, height, of which sizes are at least 0. Gradients are those of
    `boxes` alone. Raises ValueError for other shapes.
    """
    if boxes.dim() != 2 or boxes.shape[1] != 4 or targets.shape != boxes.shape:
        shapes = f"{list(boxes.shape)} and {list(targets.shape)}"
        raise ValueError(f"complete_iou takes boxes [M, 4] and targets [M, 4], not {shapes}")
    result: torch.Tensor = _iou(boxes, targets)
    return result


@torch.library.custom_op("vistry_yolov5::decode_head", mutates_args=())
def _decoded(logits: torch.Tensor, anchors: torch.Tensor, stride: int, threshold: float) -> torch.Tensor:
    rows: torch.Tensor = _decoded_shape(logits, anchors, stride, threshold)
    width, cells = logits.shape[3], logits.shape[2] * logits.shape[3]
    programs = logits.shape[0] * len(anchors) * triton.cdiv(cells, _CELLS)
    if programs == 0:
        return rows
    logits = logits.flatten(2)  # which copies only where cells don't follow each other at one distance
    with _LAUNCHING, torch.cuda.device_of(logits):  # type: ignore[no-untyped-call]
        decode_kernel[(programs,)](
            logits,
            anchors.contiguous(),
            rows,
            len(anchors),
            logits.shape[1] // len(anchors) - BOX_FIELDS,
            cells,
            width,
            stride,
            threshold,
            *logits.stride(),
            FIELDS=BOX_FIELDS,
            CELLS=_CELLS,
            CLASSES=_CLASSES,
            num_warps=_WARPS,
        )
    return rows


@_decoded.register_fake
def _decoded_shape(
    logits: torch.Tensor,
    anchors: torch.Tensor,
    stride: int,  # noqa: ARG001
    threshold: float,  # noqa: ARG001
) -> torch.Tensor:
    images, _, height, width = logits.shape
    return logits.new_empty((images, len(anchors) * height * width, 6), dtype=torch.float32)


@torch.library.custom_op("vistry_yolov5::complete_iou", mutates_args=())
def _iou(boxes: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    result: torch.Tensor = _iou_shape(boxes, targets)
    _launch(iou_kernel, boxes.contiguous(), targets.contiguous(), result)
    return result


@torch.library.custom_op("vistry_yolov5::complete_iou_backward", mutates_args=())
def _iou_backward(upstream: torch.Tensor, boxes: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    gradient: torch.Tensor = _iou_backward_shape(upstream, boxes, targets)
    _launch(iou_backward_kernel, upstream.contiguous(), boxes.contiguous(), targets.contiguous(), gradient)
    return gradient


@_iou.register_fake
def _iou_shape(boxes: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:  # noqa: ARG001
    return boxes.new_empty(boxes.shape[0], dtype=torch.float32)


@_iou_backward.register_fake
def _iou_backward_shape(
    upstream: torch.Tensor,  # noqa: ARG001
    boxes: torch.Tensor,
    targets: torch.Tensor,  # noqa: ARG001
) -> torch.Tensor:
    return torch.empty_like(boxes, memory_format=torch.contiguous_format)


def _keep(ctx: Any, inputs: tuple[torch.Tensor, torch.Tensor], output: torch.Tensor) -> None:  # noqa: ARG001
    ctx.save_for_backward(*inputs)


def _gradients(ctx: Any, upstream: torch.Tensor) -> tuple[torch.Tensor, None]:
    gradient: torch.Tensor = _iou_backward(upstream, *ctx.saved_tensors)
    return gradient, None


_iou.register_autograd(_gradients, setup_context=_keep)


def _launch(kernel: Any, *tensors: torch.Tensor) -> None:
    """Run a kernel over all boxes [M, 4] of the tensor before the last."""
    count = len(tensors[-2])
    if count == 0:
        return
    with _LAUNCHING, torch.cuda.device_of(tensors[0]):  # type: ignore[no-untyped-call]
        kernel[(triton.cdiv(count, _BOXES),)](*tensors, count, BLOCK=_BOXES, num_warps=_WARPS)
