"""The loss of YOLOv5: which cells answer for a box, and how wrong they are.

Where several objects claim one cell of one anchor, its objectness should be the largest of their CIoU, here as in
`flax_loss`, so that no order matters; each of them has its own part in the terms of boxes and classes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits
from vistry.kernels import operation

from vistry_yolov5.anchors import MAX_RATIO
from vistry_yolov5.architecture import ANCHORS_AT
from vistry_yolov5.gains import BALANCE, BOX_GAIN, CLASS_GAIN, CLASSES_AT, LEVELS_AT, OBJECTNESS_GAIN

IoU = Callable[[Tensor, Tensor], Tensor]


class Objects(NamedTuple):
    """The M objects of a batch: `boxes` [M, 4] centre x, y, width and height, `labels` [M], `images` [M] whose."""

    boxes: Tensor
    labels: Tensor
    images: Tensor


class Assignment(NamedTuple):
    """Which anchors and cells of a level answer for M boxes: an anchor that `matches` in each cell that is `inside`.

    `matches`: [M, A] bool. `cells`: [M, 3, 2] int64, column and row of the box's own cell and of its neighbours in x
    and in y; one that is not `inside`, [M, 3] bool, is some other cell of the map.
    """

    matches: Tensor
    cells: Tensor
    inside: Tensor


def assign(boxes: Tensor, anchors: Tensor, shape: tuple[int, int]) -> Assignment:
    """Assign boxes [M, 4] of centre x, y, width and height to anchors [A, 2] and cells of a map of height and width.

    All are in cells. A neighbour is the one that the centre is nearer to; a centre in the middle has none
    (docs/reference/yolov5.md, 5).
    """
    centres, sizes = boxes[:, :2], boxes[:, 2:]
    ratios = sizes[:, None] / anchors
    matches = torch.maximum(ratios, 1 / ratios).amax(-1) < MAX_RATIO
    own = _within(centres.floor().long(), shape)
    side = (centres - own - 0.5).sign().long()
    cells = torch.cat([own[:, None], own[:, None] + side.diag_embed()], dim=1)
    inside = (cells == _within(cells, shape)).all(-1)
    inside[:, 1:] &= side != 0
    return Assignment(matches, _within(cells, shape), inside)


def detection_loss(
    heads: Sequence[Tensor],
    targets: Sequence[Mapping[str, Tensor]],
    anchors: Tensor,
    strides: Sequence[int],
    num_classes: int,
    image_size: int,
    complete_iou: IoU | None = None,
) -> dict[str, Tensor]:
    """The terms `box`, `objectness` and `class` of logits [N, A * (5 + classes), h, w] of each level, in float32.

    `targets`: N dictionaries of `boxes` [K, 4] x1, y1, x2, y2 in pixels and `labels` [K]. `anchors`: [levels, A, 2] in
    units of each stride. The cross entropies are those of YOLOv3 (Redmon and Farhadi, 2018, sections 2.1 and 2.2), the
    boxes' term is 1 - CIoU (Zheng et al., Distance-IoU Loss, 2020, section 4), all with the gains of
    docs/reference/yolov5.md, 6. Each is a mean over what counts on its level, times N. With one class there is nothing
    to tell apart: `class` is 0.
    """
    iou = complete_iou or operation("complete_iou")
    each = LEVELS_AT / len(heads) * len(targets)
    gains = {
        "box": each * BOX_GAIN,
        "objectness": each * OBJECTNESS_GAIN * (image_size / ANCHORS_AT) ** 2,
        "class": each * CLASS_GAIN * num_classes / CLASSES_AT if num_classes > 1 else 0.0,
    }
    with torch.autocast(heads[0].device.type, enabled=False):
        objects = _objects(targets)
        totals = dict.fromkeys(gains, torch.zeros((), device=heads[0].device))
        for head, sizes, stride, balance in zip(heads, anchors.float(), strides, BALANCE, strict=True):
            box, objectness, classes = _level_terms(head, objects._replace(boxes=objects.boxes / stride), sizes, iou)
            terms = {"box": box, "objectness": balance * objectness, "class": classes}
            totals = {name: total + terms[name] for name, total in totals.items()}
        return {name: gains[name] * total for name, total in totals.items()}


def _level_terms(head: Tensor, objects: Objects, anchors: Tensor, iou: IoU) -> tuple[Tensor, Tensor, Tensor]:
    """The means of 1 - CIoU and of the cross entropies of objectness and classes on a level, whose cells are the unit.

    Every object is compared with each anchor in each of its cells, and pairs that don't count are masked out of the
    sums. A selection by index would make the processor wait for the GPU to tell how many there are.
    """
    fields = head.view(len(head), len(anchors), -1, *head.shape[2:]).permute(0, 1, 3, 4, 2)  # [N, A, h, w, 5 + classes]
    assigned = assign(objects.boxes, anchors, (head.shape[2], head.shape[3]))
    counts = assigned.matches[:, :, None] & assigned.inside[:, None]  # [M, A, 3]
    columns, rows = assigned.cells[:, None].unbind(-1)
    place = (objects.images[:, None, None], _arange_like(len(anchors), head)[:, None], rows, columns)
    fields_of_cells = fields[place].float()  # [M, A, 3, 5 + classes]
    overlap = iou(
        _predicted_boxes(fields_of_cells, anchors), _target_boxes(objects.boxes, assigned.cells, counts)
    ).view(counts.shape)

    objectness = fields[..., 4].float()
    best = _best(objectness.shape, place, torch.where(counts, overlap.detach().clamp(min=0), 0))
    is_class = objects.labels[:, None] == _arange_like(fields_of_cells.shape[-1] - 5, head)
    is_class = is_class[:, None, None].expand(*counts.shape, -1).float()
    by_class = binary_cross_entropy_with_logits(fields_of_cells[..., 5:], is_class, reduction="none")
    return (
        _mean_where(counts, 1 - overlap),
        binary_cross_entropy_with_logits(objectness, best),
        _mean_where(counts, by_class.mean(-1)),
    )


def _predicted_boxes(fields_of_cells: Tensor, anchors: Tensor) -> Tensor:
    """Boxes [M * A * 3, 4] of logits [M, A, 3, 5 + classes]: centre from the cell's corner, width, height, in cells.

    See docs/reference/yolov5.md, 3: a centre reaches half a cell beyond its own, and a size from 0 to four anchors.
    """
    shares = fields_of_cells[..., :4].sigmoid()
    return torch.cat([2 * shares[..., :2] - 0.5, (2 * shares[..., 2:]) ** 2 * anchors[:, None]], dim=-1).flatten(0, 2)


def _target_boxes(boxes: Tensor, cells: Tensor, counts: Tensor) -> Tensor:
    """Return the boxes [M * A * 3, 4] that `_predicted_boxes` is compared with."""
    sizes = boxes[:, None, 2:].expand(-1, cells.shape[1], -1)
    targets_in_cells = torch.cat([boxes[:, None, :2] - cells, sizes], dim=-1)
    return targets_in_cells[:, None].expand(*counts.shape, -1).flatten(0, 2)


def _best(shape: torch.Size, place: tuple[Tensor, ...], overlap: Tensor) -> Tensor:
    """The map [N, A, h, w] of the overlap at each place, 0 elsewhere; of objects that share one, the largest."""
    flat = place[0]
    for size, index in zip(shape[1:], place[1:], strict=True):
        flat = flat * size + index
    best = torch.zeros(shape.numel(), device=overlap.device)
    return best.scatter_reduce(0, flat.expand_as(overlap).flatten(), overlap.flatten(), "amax").view(shape)


def _objects(targets: Sequence[Mapping[str, Tensor]]) -> Objects:
    corners = torch.cat([target["boxes"] for target in targets]).float()
    first, last = corners[:, :2], corners[:, 2:]
    labels = torch.cat([target["labels"] for target in targets])
    images = torch.cat([torch.full_like(target["labels"], image) for image, target in enumerate(targets)])
    return Objects(torch.cat([(first + last) / 2, last - first], dim=-1), labels, images)


def _within(cells: Tensor, shape: tuple[int, int]) -> Tensor:
    """Columns and rows [..., 2] brought into a map of height and width."""
    columns, rows = cells.unbind(-1)
    return torch.stack([columns.clamp(0, shape[1] - 1), rows.clamp(0, shape[0] - 1)], dim=-1)


def _arange_like(count: int, like: Tensor) -> Tensor:
    return torch.arange(count, device=like.device)


def _mean_where(counts: Tensor, values: Tensor) -> Tensor:
    """The mean of those that count, 0 if none does."""
    return torch.where(counts, values, 0).sum() / counts.sum().clamp(min=1)
