"""Non-maximum suppression over the images of a batch, without a way back to the processor, in Triton.

Eager torch asks the GPU for the number of boxes of each image, twice, before it can go on. Here each image is one
program that walks its boxes from the highest score a block at a time, and leaves when it has kept enough. It compares
labels where torchvision shifts the boxes of each label apart, which rounds them; all else is torchvision's arithmetic
on a processor, operation by operation.
"""

from __future__ import annotations

import math
from threading import Lock

import numpy as np
import torch
import triton
import triton.language as tl

_BLOCK = 64
_WARPS = 16
_LAUNCHING = Lock()  # Triton's interpreter can't be entered by two threads


@triton.jit  # type: ignore[untyped-decorator]
def _load(boxes_at: tl.tensor, labels_at: tl.tensor, index: tl.tensor, mask: tl.tensor) -> tuple[tl.tensor, ...]:
    """Boxes of an image by index: left, top, right, bottom, label."""
    left = tl.load(boxes_at + index * 4, mask=mask, other=0.0)
    top = tl.load(boxes_at + index * 4 + 1, mask=mask, other=0.0)
    right = tl.load(boxes_at + index * 4 + 2, mask=mask, other=0.0)
    bottom = tl.load(boxes_at + index * 4 + 3, mask=mask, other=0.0)
    return left, top, right, bottom, tl.load(labels_at + index, mask=mask, other=0)


@triton.jit  # type: ignore[untyped-decorator]
def _overlap(
    left: tl.tensor,
    top: tl.tensor,
    right: tl.tensor,
    bottom: tl.tensor,
    label: tl.tensor,
    other_left: tl.tensor,
    other_top: tl.tensor,
    other_right: tl.tensor,
    other_bottom: tl.tensor,
    other_label: tl.tensor,
    threshold: tl.tensor,
) -> tl.tensor:
    """Whether each box (rows) overlaps each other box (columns) of its label by more than the threshold."""
    area = (right - left) * (bottom - top)
    other_area = (other_right - other_left) * (other_bottom - other_top)
    width = tl.minimum(right[:, None], other_right[None, :]) - tl.maximum(left[:, None], other_left[None, :])
    height = tl.minimum(bottom[:, None], other_bottom[None, :]) - tl.maximum(top[:, None], other_top[None, :])
    shared = tl.maximum(width, 0.0) * tl.maximum(height, 0.0)
    union = area[:, None] + other_area[None, :] - shared
    is_empty = union == 0.0
    ratio = tl.math.div_rn(shared, tl.where(is_empty, 1.0, union))
    exceeds = tl.where(is_empty, shared > 0.0, ratio > threshold)
    return exceeds & (label[:, None] == other_label[None, :])


@triton.jit  # type: ignore[untyped-decorator]
def nms_kernel(
    boxes_at: tl.tensor,
    labels_at: tl.tensor,
    order_at: tl.tensor,
    candidates_at: tl.tensor,
    kept_at: tl.tensor,
    boxes: tl.tensor,
    most: tl.tensor,
    threshold: tl.tensor,
    BLOCK: tl.constexpr,
) -> None:
    """One image: its boxes in the order of their scores, as many as are candidates."""
    image = tl.program_id(0).to(tl.int64)
    boxes_at += image * boxes * 4
    labels_at += image * boxes
    order_at += image * boxes
    kept_at += image * most
    candidates = tl.load(candidates_at + image).to(tl.int32)
    lane = tl.arange(0, BLOCK)
    begun = 0
    kept = 0
    while (begun < candidates) & (kept < most):
        mask = begun + lane < candidates
        index = tl.load(order_at + begun + lane, mask=mask, other=0)
        left, top, right, bottom, label = _load(boxes_at, labels_at, index, mask)

        alive = mask
        compared = 0
        while compared < kept:
            is_kept = compared + lane < kept
            better = tl.load(kept_at + compared + lane, mask=is_kept, other=0)
            their_left, their_top, their_right, their_bottom, their_label = _load(boxes_at, labels_at, better, is_kept)
            beats = _overlap(
                their_left, their_top, their_right, their_bottom, their_label,
                left, top, right, bottom, label, threshold,
            )  # fmt: skip
            alive = alive & (tl.max((beats & is_kept[:, None]).to(tl.int32), axis=0) == 0)
            compared += BLOCK

        # Greedy choice within the block: a round settles at least the next box in order, most often nearly all.
        beats = _overlap(left, top, right, bottom, label, left, top, right, bottom, label, threshold)
        beats = beats & (lane[:, None] < lane[None, :])
        chosen = alive
        changes = 1
        while changes > 0:
            settled = alive & (tl.max((beats & chosen[:, None]).to(tl.int32), axis=0) == 0)
            changes = tl.sum((settled != chosen).to(tl.int32), axis=0)
            chosen = settled

        place = kept + tl.cumsum(chosen.to(tl.int32), axis=0) - 1
        tl.store(kept_at + place, index, mask=chosen & (place < most))
        kept = tl.minimum(kept + tl.sum(chosen.to(tl.int32), axis=0), most)
        tl.debug_barrier()  # what one thread has stored, others read in the next round
        begun += BLOCK


def batched_nms(
    boxes: torch.Tensor,
    scores: torch.Tensor,
    labels: torch.Tensor,
    score_threshold: float,
    iou_threshold: float,
    most: int,
) -> torch.Tensor:
    """The places of the best boxes of each image [N, most] int64, the best first, then -1 where there are no more.

    boxes [N, A, 4] float32 xyxy, scores [N, A] float32, labels [N, A] int64; all else is told by the reference.
    Raises ValueError for other shapes, and unless at least one box is wanted.
    """
    if boxes.dim() != 3 or boxes.shape[2] != 4 or scores.shape != boxes.shape[:2] or labels.shape != scores.shape:
        shapes = ", ".join(str(list(tensor.shape)) for tensor in (boxes, scores, labels))
        raise ValueError(f"batched_nms takes [N, A, 4], [N, A] and [N, A], not {shapes}")
    if most < 1:
        raise ValueError(f"batched_nms keeps at least one box, not {most}")
    kept: torch.Tensor = _kept(boxes, scores, labels, score_threshold, iou_threshold, most)
    return kept


@torch.library.custom_op("vistry::batched_nms", mutates_args=())
def _kept(
    boxes: torch.Tensor,
    scores: torch.Tensor,
    labels: torch.Tensor,
    score_threshold: float,
    iou_threshold: float,
    most: int,
) -> torch.Tensor:
    images, count, _ = boxes.shape
    kept = boxes.new_full((images, most), -1, dtype=torch.int64)
    if images * count == 0:
        return kept
    is_candidate = scores > score_threshold
    order = scores.masked_fill(~is_candidate, -math.inf).argsort(dim=1, descending=True, stable=True)
    with _LAUNCHING, torch.cuda.device_of(boxes):  # type: ignore[no-untyped-call]
        nms_kernel[(images,)](
            boxes.contiguous(),
            labels.contiguous(),
            order,
            is_candidate.sum(1),
            kept,
            count,
            most,
            _rounded_down(iou_threshold),
            BLOCK=_BLOCK,
            num_warps=_WARPS,
            enable_fp_fusion=False,
        )
    return kept


@_kept.register_fake
def _kept_shape(
    boxes: torch.Tensor,
    scores: torch.Tensor,  # noqa: ARG001
    labels: torch.Tensor,  # noqa: ARG001
    score_threshold: float,  # noqa: ARG001
    iou_threshold: float,  # noqa: ARG001
    most: int,
) -> torch.Tensor:
    return boxes.new_empty((boxes.shape[0], most), dtype=torch.int64)


def _rounded_down(threshold: float) -> float:
    """The largest float32 that isn't above the threshold: whatever float32 exceeds one exceeds the other."""
    nearest = np.float32(threshold)
    return float(nearest if float(nearest) <= threshold else np.nextafter(nearest, np.float32(-np.inf)))
