"""Non-maximum suppression over the images of a batch in plain torch: the kernel's reference, and its samples."""

from __future__ import annotations

from collections.abc import Iterator

import torch
import torchvision

Arguments = tuple[torch.Tensor, torch.Tensor, torch.Tensor, float, float, int]


def batched_nms(
    boxes: torch.Tensor,
    scores: torch.Tensor,
    labels: torch.Tensor,
    score_threshold: float,
    iou_threshold: float,
    max_detections: int,
) -> torch.Tensor:
    """Return the indices of the best boxes of each image [N, max_detections] int64, the best first, padded with -1.

    boxes [N, A, 4] xyxy, scores [N, A], labels [N, A] int64. Of boxes whose score is above the threshold, greedily
    from the highest score, those that overlap no better one of their label by more than `iou_threshold`; of equal
    scores the first is the better.
    """
    selected = torch.full((len(boxes), max_detections), -1, dtype=torch.int64, device=boxes.device)
    for image in range(len(boxes)):
        [above] = torch.where(scores[image] > score_threshold)
        candidates = (boxes[image, above], scores[image, above], labels[image, above])
        # torchvision's order of equal scores isn't fixed, so the survivors are sorted again.
        survivors = torchvision.ops.batched_nms(*candidates, iou_threshold).sort().values
        best = candidates[1][survivors].argsort(descending=True, stable=True)[:max_detections]
        selected[image, : len(best)] = above[survivors[best]]
    return selected


def exportable_nms(
    boxes: torch.Tensor,
    scores: torch.Tensor,
    labels: torch.Tensor,
    *,
    classes: int,
    score_threshold: float,
    iou_threshold: float,
    max_detections: int,
) -> torch.Tensor:
    """Return what `batched_nms` returns, as one operation that torch.export keeps and that an ONNX file has, too.

    Boxes have x2 >= x1 and y2 >= y1. `classes`: the number of classes, which labels are below. `score_threshold` is at
    least 0.
    """
    limits = (classes, score_threshold, iou_threshold, max_detections)
    selected: torch.Tensor = _exported_nms(boxes, scores, labels, *limits)
    return selected


@torch.library.custom_op("vistry::exportable_nms", mutates_args=())
def _exported_nms(
    boxes: torch.Tensor,
    scores: torch.Tensor,
    labels: torch.Tensor,
    classes: int,  # noqa: ARG001 - what an ONNX file needs to know
    score_threshold: float,
    iou_threshold: float,
    max_detections: int,
) -> torch.Tensor:
    return batched_nms(boxes, scores, labels, score_threshold, iou_threshold, max_detections)


@_exported_nms.register_fake
def _shape_of_exported_nms(
    boxes: torch.Tensor,
    scores: torch.Tensor,  # noqa: ARG001
    labels: torch.Tensor,  # noqa: ARG001
    classes: int,  # noqa: ARG001
    score_threshold: float,  # noqa: ARG001
    iou_threshold: float,  # noqa: ARG001
    max_detections: int,
) -> torch.Tensor:
    return boxes.new_empty((boxes.shape[0], max_detections), dtype=torch.int64)


def samples(dtype: torch.dtype, device: str) -> Iterator[Arguments]:
    """Yield arguments of calls: ties, boxes without area, repeated and swapped ones, strides, crowds, and no boxes.

    Coordinates are quarters of a pixel, so that the offset which torchvision adds for each label rounds none of them.
    """
    for images, count, classes, max_detections in ((3, 40, 3, 20), (2, 150, 80, 150), (1, 300, 1, 7), (2, 1, 1, 4)):
        yield *_draw_boxes(images, count, classes=classes, dtype=dtype, device=device), 0.25, 0.5, max_detections
    boxes, scores, labels = _draw_boxes(2, 100, classes=2, dtype=dtype, device=device)
    for score_threshold, iou_threshold in ((0.0, 0.0), (0.25, 0.75), (1.0, 0.5), (-1.0, 1.0)):
        yield boxes, scores, labels, score_threshold, iou_threshold, 30
    yield boxes, torch.full_like(scores, 0.5), labels, 0.25, 0.25, 50
    yield boxes.roll(2, -1), scores, labels, 0.25, 0.5, 50
    yield boxes[:, :1].expand_as(boxes), scores, labels, 0.25, 0.5, 50
    yield boxes[:, ::2], scores[:, ::2], labels[:, 1::2], 0.25, 0.5, 30
    yield boxes[:, :0], scores[:, :0], labels[:, :0], 0.25, 0.5, 5
    yield boxes[:0], scores[:0], labels[:0], 0.25, 0.5, 5


def _draw_boxes(
    images: int, count: int, classes: int, dtype: torch.dtype, device: str
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Draw boxes that crowd an image of 30 pixels, each up to 15 pixels large or empty; many scores are equal."""
    generator = torch.Generator().manual_seed(count + classes)
    corner, size = torch.randint(61, (2, images, count, 2), generator=generator) / 4
    boxes = torch.cat([corner, corner + size], dim=2)
    scores = torch.randint(129, (images, count), generator=generator) / 128
    labels = torch.randint(classes, (images, count), generator=generator)
    return boxes.to(device, dtype), scores.to(device, dtype), labels.to(device)


def detections_at(
    indices: torch.Tensor, boxes: torch.Tensor, scores: torch.Tensor, labels: torch.Tensor
) -> list[dict[str, torch.Tensor]]:
    """Return the boxes, scores and labels of each image that `batched_nms` selected.

    indices [N, max_detections] int64, -1 beyond the last box; boxes [N, K, 4], scores [N, K], labels [N, K].
    """
    images = []
    for image, index in enumerate(indices):
        index = index[index >= 0]
        images.append({"boxes": boxes[image, index], "scores": scores[image, index], "labels": labels[image, index]})
    return images


def padded_detections(
    indices: torch.Tensor, boxes: torch.Tensor, scores: torch.Tensor, labels: torch.Tensor
) -> dict[str, torch.Tensor]:
    """Return what `detections_at` returns as tensors of all images, where a label of -1 marks a row without a box.

    indices [N, K] int64, -1 beyond the last box; boxes [N, A, 4], scores [N, A], labels [N, A].
    """
    rows = indices.clamp(min=0)
    return {
        "boxes": boxes.gather(1, rows[..., None].expand(-1, -1, 4)),
        "scores": scores.gather(1, rows),
        "labels": torch.where(indices >= 0, labels.gather(1, rows), -1),
    }
