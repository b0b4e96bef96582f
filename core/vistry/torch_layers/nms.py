"""Non-maximum suppression over the images of a batch in plain torch: what its kernel has to agree with, and on what."""

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
    most: int,
) -> torch.Tensor:
    """The places of the best boxes of each image [N, most] int64, the best first, then -1 where there are no more.

    boxes [N, A, 4] xyxy, scores [N, A], labels [N, A] int64. Of boxes whose score is above the threshold, greedily
    from the highest score, those that overlap no better one of their label by more than `iou_threshold`; of equal
    scores the first is the better.
    """
    kept = torch.full((len(boxes), most), -1, dtype=torch.int64, device=boxes.device)
    for image in range(len(boxes)):
        [above] = torch.where(scores[image] > score_threshold)
        found = (boxes[image, above], scores[image, above], labels[image, above])
        survivors = torchvision.ops.batched_nms(*found, iou_threshold).sort().values
        best = found[1][survivors].argsort(descending=True, stable=True)[:most]
        kept[image, : len(best)] = above[survivors[best]]
    return kept


def samples(dtype: torch.dtype, device: str) -> Iterator[Arguments]:
    """Arguments of calls: ties, boxes without area, repeated and swapped ones, strides, crowds, and nothing at all.

    Coordinates are quarters of a pixel, so that the offset which torchvision adds for each label rounds none of them.
    """
    for images, count, known, most in ((3, 40, 3, 20), (2, 150, 80, 150), (1, 300, 1, 7), (2, 1, 1, 4)):
        yield *_drawn(images, count, known, dtype, device), 0.25, 0.5, most
    boxes, scores, labels = _drawn(2, 100, 2, dtype, device)
    for score_threshold, iou_threshold in ((0.0, 0.0), (0.25, 0.75), (1.0, 0.5), (-1.0, 1.0)):
        yield boxes, scores, labels, score_threshold, iou_threshold, 30
    yield boxes, torch.full_like(scores, 0.5), labels, 0.25, 0.25, 50
    yield boxes.roll(2, -1), scores, labels, 0.25, 0.5, 50
    yield boxes[:, :1].expand_as(boxes), scores, labels, 0.25, 0.5, 50
    yield boxes[:, ::2], scores[:, ::2], labels[:, 1::2], 0.25, 0.5, 30
    yield boxes[:, :0], scores[:, :0], labels[:, :0], 0.25, 0.5, 5
    yield boxes[:0], scores[:0], labels[:0], 0.25, 0.5, 5


def _drawn(
    images: int, count: int, known: int, dtype: torch.dtype, device: str
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Boxes that crowd an image of 30 pixels, of up to 15 pixels or none, with scores that are often equal."""
    generator = torch.Generator().manual_seed(count + known)
    corner, size = torch.randint(61, (2, images, count, 2), generator=generator) / 4
    boxes = torch.cat([corner, corner + size], dim=2)
    scores = torch.randint(129, (images, count), generator=generator) / 128
    labels = torch.randint(known, (images, count), generator=generator)
    return boxes.to(device, dtype), scores.to(device, dtype), labels.to(device)
