"""Non-maximum suppression over the images of a batch, without a way back to the processor, in Triton.

Eager torch asks the GPU for the number of boxes of each image, twice, before it can go on. Here each image is one
program that walks its boxes from the highest score a block at a time, and ends when it has selected enough. It compares
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
    """Load boxes of an image by index: left, top, right, bottom, label."""
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
    """Tell whether each box (rows) overlaps each other box (columns) of its label by more than the threshold."""
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
    selected_at: tl.tensor,
    boxes: tl.tensor,
    max_detections: tl.tensor,
    threshold: tl.tensor,
    BLOCK: tl.constexpr,
) -> None:
    """Select the boxes of one image, which `order_at` lists from the highest score; the first are the candidates."""
    image = tl.program_id(0).to(tl.int64)
    boxes_at += image * boxes * 4
    labels_at += image * boxes
    order_at += image * boxes
    selected_at += image * max_detections
    candidates = tl.load(candidates_at + image).to(tl.int32)
    lane = tl.arange(0, BLOCK)
    begun = 0
    selected = 0
    while (begun < candidates) & (selected < max_detections):
        mask = begun + lane < candidates
        index = tl.load(order_at + begun + lane, mask=mask, other=0)
        left, top, right, bottom, label = _load(boxes_at, labels_at, index, mask)

        alive = mask
        compared = 0
        while compared < selected:
            is_selected = compared + lane < selected
            better = tl.load(selected_at + compared + lane, mask=is_selected, other=0)
            their_left, their_top, their_right, their_bottom, their_label = _load(
                boxes_at, labels_at, better, is_selected
            )
            beats = _overlap(
                their_left, their_top, their_right, their_bottom, their_label,
                left, top, right, bottom, label, threshold,
            )  # fmt: skip
            alive = alive & (tl.max((beats & is_selected[:, None]).to(tl.int32), axis=0) == 0)
            compared += BLOCK

        # Greedy choice within the block: each round decides at least the next box in order, and most often nearly all.
        beats = _overlap(left, top, right, bottom, label, left, top, right, bottom, label, threshold)
        beats = beats & (lane[:, None] < lane[None, :])
        chosen = alive
        changes = 1
        while changes > 0:
            decided = alive & (tl.max((beats & chosen[:, None]).to(tl.int32), axis=0) == 0)
            changes = tl.sum((decided != chosen).to(tl.int32), axis=0)
            chosen = decided

        place = selected + tl.cumsum(chosen.to(tl.int32), axis=0) - 1
        tl.store(selected_at + place, index, mask=chosen & (place < max_detections))
        selected = tl.minimum(selected + tl.sum(chosen.to(tl.int32), axis=0), max_detections)
        tl.debug_barrier()  # what one thread has stored, others read in the next round
        begun += BLOCK


def batched_nms(
    boxes: torch.Tensor,
    scores: torch.Tensor,
    labels: torch.Tensor,
    score_threshold: float,
    iou_threshold: float,
    max_detections: int,
) -> torch.Tensor:
    """Return the indices of the best boxes of each image [N, max_detections] int64, the best first, padded with -1.

    boxes [N, A, 4] float32 xyxy, scores [N, A] float32, labels [N, A] int64; the reference says the rest.
    Raises ValueError for other shapes, or for max_detections below 1.
    """
    if boxes.dim() != 3 or boxes.shape[2] != 4 or scores.shape != boxes.shape[:2] or labels.shape != scores.shape:
        shapes = ", ".join(str(list(tensor.shape)) for tensor in (boxes, scores, labels))
        raise ValueError(f"invalid shapes: batched_nms expected [N, A, 4], [N, A] and [N, A], got {shapes}")
    if max_detections < 1:
        raise ValueError(f"invalid max_detections: expected at least 1, got {max_detections}")
    selected: torch.Tensor = _selected(boxes, scores, labels, score_threshold, iou_threshold, max_detections)
    return selected


@torch.library.custom_op("vistry::batched_nms", mutates_args=())
def _selected(
    boxes: torch.Tensor,
    scores: torch.Tensor,
    labels: torch.Tensor,
    score_threshold: float,
    iou_threshold: float,
    max_detections: int,
) -> torch.Tensor:
    images, count, _ = boxes.shape
    selected = boxes.new_full((images, max_detections), -1, dtype=torch.int64)
    if images * count == 0:
        return selected
    is_candidate = scores > score_threshold
    order = scores.masked_fill(~is_candidate, -math.inf).argsort(dim=1, descending=True, stable=True)
    with _LAUNCHING, torch.cuda.device_of(boxes):  # type: ignore[no-untyped-call]
        nms_kernel[(images,)](
            boxes.contiguous(),
            labels.contiguous(),
            order,
            is_candidate.sum(1),
            selected,
            count,
            max_detections,
            _rounded_down(iou_threshold),
            BLOCK=_BLOCK,
            num_warps=_WARPS,
            enable_fp_fusion=False,
        )
    return selected


@_selected.register_fake
def _selected_shape(
    boxes: torch.Tensor,
    scores: torch.Tensor,  # noqa: ARG001
    labels: torch.Tensor,  # noqa: ARG001
    score_threshold: float,  # noqa: ARG001
    iou_threshold: float,  # noqa: ARG001
    max_detections: int,
) -> torch.Tensor:
    return boxes.new_empty((boxes.shape[0], max_detections), dtype=torch.int64)


def _rounded_down(threshold: float) -> float:
    """Return the largest float32 that isn't above the threshold: a float32 exceeds both or neither."""
    nearest = np.float32(threshold)
    return float(nearest if float(nearest) <= threshold else np.nextafter(nearest, np.float32(-np.inf)))
