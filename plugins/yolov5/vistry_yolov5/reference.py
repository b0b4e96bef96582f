"""YOLOv5's two dense computations in plain torch: what their kernels have to agree with, and on what.

`decode_head` turns the numbers of one head into boxes, and `complete_iou` compares boxes for the loss.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch

BOX_FIELDS = 5
"""Numbers of an anchor in a cell before those of the classes: x, y, width, height, objectness."""
EPSILON = 1e-7

# images, anchors, classes, height, width
_HEADS = ((2, 3, 80, 5, 7), (3, 1, 1, 1, 1), (1, 2, 33, 9, 1), (2, 3, 5, 13, 11))


def decode_head(logits: torch.Tensor, anchors: torch.Tensor, stride: int, threshold: float) -> torch.Tensor:
    """Box, score and label of every anchor in every cell [N, A * h * w, 6] float32, by anchor, then row, then column.

    logits [N, A * (5 + C), h, w]; anchors [A, 2], widths and heights in pixels. Of each row the numbers are x1, y1, x2,
    y2 in pixels of the input, objectness times the probability of the likeliest class, and that class, of equal ones
    the first. All six are 0 where the score isn't above the threshold; where objectness alone isn't, the classes
    aren't looked at. Nothing has gradients.

    x and y are (2 sigmoid(t) - 0.5 + cell) * stride, width and height (2 sigmoid(t)) ** 2 * anchor: YOLOv3's boxes
    (Redmon and Farhadi, 2018, section 2.1) with a centre that reaches half a cell further and sizes that can't explode.
    """
    logits = logits.detach().to(torch.promote_types(logits.dtype, torch.float32))
    images, channels, height, width = logits.shape
    fields = logits.view(images, len(anchors), channels // len(anchors), height, width)
    row = torch.arange(height, device=logits.device)[:, None].expand(height, width)
    column = torch.arange(width, device=logits.device).expand(height, width)
    centre = (2 * fields[:, :, :2].sigmoid() - 0.5 + torch.stack((column, row))) * stride
    size = (2 * fields[:, :, 2:4].sigmoid()) ** 2 * anchors.detach().to(logits.dtype)[:, :, None, None]
    objectness = fields[:, :, 4:BOX_FIELDS].sigmoid()
    likeliest, label = fields[:, :, BOX_FIELDS:].max(2, keepdim=True)
    score = objectness * likeliest.sigmoid()
    rows = torch.cat((centre - size / 2, centre + size / 2, score, label.to(logits.dtype)), 2)
    rows = rows.masked_fill((score <= threshold) | (objectness <= threshold), 0.0)
    return rows.flatten(3).transpose(2, 3).flatten(1, 2)


def complete_iou(boxes: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """The complete IoU of each box with its target [M] float32 (Zheng et al., Distance-IoU Loss, 2020, equation 10).

    boxes and targets [M, 4]: centre x, centre y, width, height in one unit, with sizes of at least 0. It is the IoU,
    less the squared distance of the centres as a share of that of the corners around both, less alpha * v, where v
    compares the aspects. Gradients are those of `boxes` alone, with alpha taken for a number, as the paper has it.
    """
    dtype = torch.promote_types(boxes.dtype, torch.float32)
    boxes, targets = boxes.to(dtype), targets.detach().to(dtype)
    centre, size = boxes[:, :2], boxes[:, 2:]
    target_centre, target_size = targets[:, :2], targets[:, 2:]
    low, high = centre - size / 2, centre + size / 2
    target_low, target_high = target_centre - target_size / 2, target_centre + target_size / 2

    shared = _area(torch.relu(torch.minimum(high, target_high) - torch.maximum(low, target_low)))
    iou = shared / (_area(size) + _area(target_size) - shared + EPSILON)
    around = torch.maximum(high, target_high) - torch.minimum(low, target_low)
    distance = (centre - target_centre).square().sum(1) / (around.square().sum(1) + EPSILON)
    v = 4 / math.pi**2 * (_angle(target_size) - _angle(size)) ** 2
    with torch.no_grad():
        alpha = v / ((1 - iou).clamp(min=0) + v + EPSILON)
    complete: torch.Tensor = iou - distance - alpha * v
    return complete


def decode_samples(dtype: torch.dtype, device: str) -> Iterator[tuple[torch.Tensor, torch.Tensor, int, float]]:
    """Arguments of calls: odd sizes, one class, every layout, saturated and equal logits, no survivors, and nothing."""
    for images, anchors, classes, height, width in _HEADS:
        logits, sizes = _head((images, anchors * (BOX_FIELDS + classes), height, width), anchors, dtype, device)
        yield logits, sizes, 8, 0.01
        yield logits, sizes, 8, 0.3
        yield logits.contiguous(memory_format=torch.channels_last), sizes, 32, 0.01
    yield logits.transpose(2, 3), sizes, 16, 0.01
    yield logits[..., ::2], sizes, 16, 0.01
    yield logits[:, :, 1:-1, 2:-3], sizes, 16, 0.01
    yield logits[1:], sizes.flip(1), 16, 0.01
    yield logits * 30, sizes, 16, 0.5
    yield torch.zeros_like(logits), sizes, 16, 0.01
    yield logits, sizes, 16, 1.0
    yield logits, sizes, 16, -1.0
    small, sizes = _head((2, 2 * (BOX_FIELDS + 2), 2, 1), 2, dtype, device)
    yield small, sizes / 64, 1, 0.01  # where no pixel is so large that it hides errors of a score
    many, size = _head((2, BOX_FIELDS + 80, 3, 2), 1, dtype, device)
    yield many.round(), size, 8, 0.01  # with equal classes
    yield small[:0], sizes, 8, 0.01
    yield small[:, :, :0], sizes, 8, 0.01


def iou_samples(dtype: torch.dtype, device: str) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Arguments of calls: few and many, apart, equal, touching, thin and empty boxes, strides, and nothing at all.

    Where sides are equal, the numbers are quarters, which nothing rounds.
    """
    for count in (1, 37, 1030):
        yield _boxes(count, dtype, device)
    boxes, targets = _boxes(60, dtype, device)
    yield boxes, targets + 9  # apart
    yield boxes[::2], targets[1::2]
    yield boxes.T.contiguous().T, targets.flip(0)
    yield boxes[:1].expand(60, 4), targets
    yield boxes * boxes.new_tensor([1.0, 1.0, 0.01, 30.0]), targets
    yield from _on_a_grid(dtype, device)
    yield boxes[:0], targets[:0]


def _area(sides: torch.Tensor) -> torch.Tensor:
    return sides[:, 0] * sides[:, 1]


def _angle(size: torch.Tensor) -> torch.Tensor:
    return torch.atan(size[:, 0] / (size[:, 1] + EPSILON))


def _head(shape: tuple[int, ...], anchors: int, dtype: torch.dtype, device: str) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(sum(shape))
    logits = 2 * torch.randn(shape, generator=generator)
    sizes = 8 + 120 * torch.rand((anchors, 2), generator=generator)
    return logits.to(device, dtype), sizes.to(device, dtype)


def _boxes(count: int, dtype: torch.dtype, device: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Boxes around the middle of a cell, of up to a few cells, and their targets."""
    drawn = torch.rand((2, count, 4), generator=torch.Generator().manual_seed(count))
    boxes, targets = drawn * torch.tensor([2.0, 2.0, 4.0, 4.0]) + torch.tensor([-0.5, -0.5, 0.1, 0.1])
    return boxes.to(device, dtype), targets.to(device, dtype)


def _on_a_grid(dtype: torch.dtype, device: str) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Boxes with sides in common, then boxes without width, height or either."""
    generator = torch.Generator().manual_seed(0)
    centre = torch.randint(-2, 3, (2, 200, 2), generator=generator) / 2
    size = torch.randint(1, 5, (2, 200, 2), generator=generator) / 2
    boxes, targets = torch.cat((centre, size), 2).to(device, dtype)
    yield boxes, targets
    yield boxes, torch.cat((boxes[:100], targets[100:]))
    for empty in ([1, 1, 0, 1], [1, 1, 1, 0], [1, 1, 0, 0]):
        yield boxes * boxes.new_tensor(empty), targets
        yield boxes, targets * targets.new_tensor(empty)
