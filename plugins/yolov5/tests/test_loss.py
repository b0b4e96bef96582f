from __future__ import annotations

import math
from typing import Any

import pytest
import torch
import torchvision
from torch import Tensor
from vistry_yolov5.architecture import ANCHORS, STRIDES
from vistry_yolov5.loss import assign, detection_loss
from vistry_yolov5.torch_model import YOLOv5

ANCHORS_IN_STRIDES = torch.tensor(ANCHORS) / torch.tensor(STRIDES).view(-1, 1, 1)
ONE = torch.tensor([[1.0, 1.0]])

Targets = list[dict[str, Tensor]]


def targets(*images: tuple[list[list[float]], list[int]]) -> Targets:
    return [
        {"boxes": torch.tensor(boxes).view(-1, 4), "labels": torch.tensor(labels, dtype=torch.int64)}
        for boxes, labels in images
    ]


def drawn_heads(count: int, num_classes: int, height: int = 64, width: int = 96) -> list[Tensor]:
    generator = torch.Generator().manual_seed(3)
    shapes = [(count, 3 * (5 + num_classes), height // stride, width // stride) for stride in STRIDES]
    return [torch.randn(shape, generator=generator).mul_(1.5).requires_grad_() for shape in shapes]


def loss(
    heads: list[Tensor], wanted: Targets, num_classes: int, image_size: int = 640, **others: Any
) -> dict[str, Tensor]:
    return detection_loss(heads, wanted, ANCHORS_IN_STRIDES, STRIDES, num_classes, image_size, **others)


def assigned(box: list[float], anchors: Tensor = ONE, shape: tuple[int, int] = (4, 6)) -> set[tuple[int, int, int]]:
    """Anchor, row and column of each place that answers for a box of centre, width and height in cells."""
    matches, cells, inside = assign(torch.tensor([box]), anchors, shape)
    return {
        (anchor, int(cells[0, place, 1]), int(cells[0, place, 0]))
        for anchor in range(len(anchors))
        for place in range(3)
        if matches[0, anchor] and inside[0, place]
    }


@pytest.mark.parametrize(
    ("x", "y", "places"),
    [
        (2.25, 1.25, {(1, 2), (1, 1), (0, 2)}),  # rows and columns: its own, left, above
        (2.75, 1.75, {(1, 2), (1, 3), (2, 2)}),  # right, below
        (2.25, 1.75, {(1, 2), (1, 1), (2, 2)}),
        (0.25, 1.25, {(1, 0), (0, 0)}),  # there is none on the left
        (0.25, 0.25, {(0, 0)}),
        (5.75, 3.75, {(3, 5)}),
        (5.75, 0.75, {(0, 5), (1, 5)}),
        (5.25, 3.25, {(3, 5), (3, 4), (2, 5)}),
        (2.5, 1.5, {(1, 2)}),  # as near to one side as to the other
        (2.5, 1.25, {(1, 2), (0, 2)}),
        (3.0, 2.0, {(2, 3), (2, 2), (1, 3)}),
        (6.0, 4.0, {(3, 5)}),  # on the border of the map
    ],
)
def test_a_box_is_assigned_to_its_cell_and_the_nearest_in_x_and_y(x: float, y: float, places: set[Any]) -> None:
    assert assigned([x, y, 1.0, 1.0]) == {(0, *place) for place in places}


@pytest.mark.parametrize(
    ("width", "height", "anchors"),
    [
        (2.0, 2.0, {0, 1}),
        (3.99, 1.3, {0, 1}),
        (4.0, 1.3, {1}),  # four times as wide as the first
        (3.99, 1.25, {0}),  # a quarter as high as the second
        (1.0, 3.99, {0}),  # a quarter as wide as the second
        (1.01, 3.99, {0, 1}),
        (0.26, 1.0, {0}),
        (0.25, 1.0, set()),
        (15.9, 19.9, {1}),
        (15.9, 20.0, set()),
        (0.0, 1.0, set()),
        (0.0, 0.0, set()),
    ],
)
def test_an_anchor_matches_while_no_side_is_four_times_the_other(
    width: float, height: float, anchors: set[int]
) -> None:
    found = assigned([2.25, 1.25, width, height], torch.tensor([[1.0, 1.0], [4.0, 5.0]]))
    assert {anchor for anchor, _, _ in found} == anchors
    assert len(found) == 3 * len(anchors)


def test_a_map_of_one_cell_has_no_neighbours() -> None:
    assert assigned([0.9, 0.1, 1.0, 1.0], shape=(1, 1)) == {(0, 0, 0)}


def cross_entropy(logit: Tensor, wanted: float) -> Tensor:
    """-t log(p) - (1 - t) log(1 - p)."""
    p = 1 / (1 + torch.exp(-logit))
    return -(wanted * torch.log(p) + (1 - wanted) * torch.log(1 - p))


def cells_near(x: float, y: float, height: int, width: int) -> list[tuple[int, int]]:
    """Rows and columns of the centre's cell and of those beside it whose middle is less than a cell away."""
    found = []
    for row in range(height):
        for column in range(width):
            apart = abs(column - math.floor(x)) + abs(row - math.floor(y))
            if apart <= 1 and max(abs(x - column - 0.5), abs(y - row - 0.5)) < 1:
                found.append((row, column))
    return found


def ciou_of(logits: Tensor, cell: tuple[int, int], anchor: tuple[int, int], stride: int, box: list[float]) -> Tensor:
    """torchvision's complete IoU of a box in pixels and of what a cell predicts."""
    s = 1 / (1 + torch.exp(-logits))
    x, y = (2 * s[0] - 0.5 + cell[1]) * stride, (2 * s[1] - 0.5 + cell[0]) * stride
    w, h = (2 * s[2]) ** 2 * anchor[0], (2 * s[3]) ** 2 * anchor[1]
    corners = torch.stack([x - w / 2, y - h / 2, x + w / 2, y + h / 2])
    found: Tensor = 1 - torchvision.ops.complete_box_iou_loss(corners, torch.tensor(box, dtype=torch.float64))
    return found


def level_one_by_one(
    head: Tensor, wanted: Targets, anchors: tuple[tuple[int, int], ...], stride: int
) -> tuple[list[Tensor], list[Tensor], list[Tensor]]:
    """1 - CIoU and cross entropies of classes for each place that answers for an object, and of every objectness."""
    boxes, classes = [], []
    best = torch.zeros_like(head[:, :, 4])
    for image, target in enumerate(wanted):
        for box, label in zip(target["boxes"].tolist(), target["labels"].tolist(), strict=True):
            x, y, w, h = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2, box[2] - box[0], box[3] - box[1]
            for number, anchor in enumerate(anchors):
                if min(w, h) <= 0 or max(w / anchor[0], anchor[0] / w, h / anchor[1], anchor[1] / h) >= 4:
                    continue
                for cell in cells_near(x / stride, y / stride, head.shape[3], head.shape[4]):
                    fields = head[image, number, :, *cell]
                    overlap = ciou_of(fields[:4], cell, anchor, stride, box)
                    boxes.append(1 - overlap)
                    classes += [cross_entropy(logit, float(c == label)) for c, logit in enumerate(fields[5:])]
                    place = (image, number, *cell)
                    best[place] = max(float(best[place]), float(overlap.detach()))
    seen = zip(head[:, :, 4].flatten(), best.flatten().tolist(), strict=True)
    return boxes, classes, [cross_entropy(logit, overlap) for logit, overlap in seen]


def one_by_one(heads: list[Tensor], wanted: Targets, num_classes: int, image_size: int) -> dict[str, Tensor]:
    """The same loss object by object, anchor by anchor, cell by cell, in float64."""
    terms = {name: torch.zeros((), dtype=torch.float64) for name in ("box", "objectness", "class")}
    for head, anchors, stride, balance in zip(heads, ANCHORS, STRIDES, (4.0, 1.0, 0.4), strict=True):
        fields = head.double().view(len(head), 3, 5 + num_classes, *head.shape[2:])
        boxes, classes, objectness = level_one_by_one(fields, wanted, anchors, stride)
        terms["objectness"] = terms["objectness"] + balance * torch.stack(objectness).mean()
        if boxes:
            terms["box"] = terms["box"] + torch.stack(boxes).mean()
            terms["class"] = terms["class"] + torch.stack(classes).mean()
    class_gain = 0.5 * num_classes / 80 if num_classes > 1 else 0.0
    gains = {"box": 0.05, "objectness": (image_size / 640) ** 2, "class": class_gain}
    return {name: len(wanted) * gains[name] * term for name, term in terms.items()}


SCENES = {
    "objects": (
        targets(
            ([[3, 5, 40, 30], [3, 5, 41, 30], [50, 20, 60, 33], [60, 40, 96, 64], [0, 0, 8, 12]], [0, 2, 1, 2, 0]),
            ([[0, 0, 96, 64], [30, 12, 90, 50]], [1, 0]),
        ),
        3,
    ),
    "an image without": (targets(([], []), ([[10, 10, 50, 40]], [1])), 2),
    "one class": (targets(([[10, 10, 50, 40], [70, 8, 88, 30]], [0, 0])), 1),
    "nothing": (targets(([], []), ([], [])), 3),
    "boxes without area": (targets(([[10, 10, 10, 40], [20, 20, 20, 20], [5, 7, 30, 30]], [0, 0, 1])), 2),
}


@pytest.mark.parametrize("scene", SCENES)
def test_it_is_the_loss_that_a_loop_over_objects_gives(scene: str) -> None:
    wanted, num_classes = SCENES[scene]
    heads = drawn_heads(len(wanted), num_classes)
    ours, theirs = loss(heads, wanted, num_classes, 320), one_by_one(heads, wanted, num_classes, 320)
    assert list(ours) == ["box", "objectness", "class"]
    for name in theirs:
        torch.testing.assert_close(ours[name].double(), theirs[name], rtol=1e-5, atol=1e-7)
    found = torch.autograd.grad(sum(ours.values()), heads)  # type: ignore[arg-type]
    expected = torch.autograd.grad(sum(theirs.values()), heads)  # type: ignore[arg-type]
    for gradient, true in zip(found, expected, strict=True):
        torch.testing.assert_close(gradient, true, rtol=1e-4, atol=1e-6)


def test_scenes_have_what_they_are_to_show() -> None:
    """Objects on every level, some with anchors that don't match, and two that share a cell."""
    wanted, _ = SCENES["objects"]
    for stride, anchors in zip(STRIDES, ANCHORS_IN_STRIDES, strict=True):
        corners = wanted[0]["boxes"] / stride
        boxes = torch.cat([(corners[:, :2] + corners[:, 2:]) / 2, corners[:, 2:] - corners[:, :2]], dim=1)
        matches, cells, inside = assign(boxes, anchors, (64 // stride, 96 // stride))
        assert matches.any()
        assert not matches.all()
        assert torch.equal(cells[0, 0], cells[1, 0])
        assert inside[:2, 0].all()


def test_boxes_are_compared_by_the_operation_it_is_given() -> None:
    """So that a kernel computes it; an overlap of 1/4 everywhere makes each term a number."""
    wanted, num_classes = SCENES["objects"]
    heads = [torch.zeros_like(head) for head in drawn_heads(2, num_classes)]
    calls: list[tuple[int, ...]] = []

    def quarter(boxes: Tensor, true: Tensor) -> Tensor:
        assert boxes.shape == true.shape
        assert boxes.dtype == true.dtype == torch.float32
        calls.append(tuple(boxes.shape))
        return torch.full((len(boxes),), 0.25)

    terms = loss(heads, wanted, num_classes, complete_iou=quarter)
    assert calls == [(7 * 3 * 3, 4)] * 3
    torch.testing.assert_close(terms["box"], torch.tensor(2 * 0.05 * 3 * 0.75))
    torch.testing.assert_close(terms["objectness"], torch.tensor(2 * (4.0 + 1.0 + 0.4) * math.log(2)))
    torch.testing.assert_close(terms["class"], torch.tensor(2 * 0.5 * 3 / 80 * 3 * math.log(2)))


def test_where_objects_share_a_cell_the_best_fit_is_its_objectness_in_any_order() -> None:
    wanted = targets(([[16, 16, 48, 48], [16, 16, 48, 47], [20, 14, 44, 50]], [0, 1, 2]))
    turned = [{name: value.flip(0) for name, value in wanted[0].items()}]
    heads = drawn_heads(1, 3)
    ours, theirs = loss(heads, wanted, 3), loss(heads, turned, 3)
    assert float(ours["objectness"].detach()) == float(theirs["objectness"].detach())
    torch.testing.assert_close(ours["class"], theirs["class"])


def test_what_is_predicted_perfectly_costs_nothing() -> None:
    """A box of an anchor's size in the middle of a cell, surely of its class, and surely nothing elsewhere."""
    heads = [torch.full((1, 3, 7, 64 // stride, 64 // stride), -30.0) for stride in STRIDES]
    for head in heads:
        head[:, :, :4] = 0.0
    heads[1][0, 1, 4:, 1, 2] = torch.tensor([30.0, -30.0, 30.0])
    anchors = torch.full((3, 3, 2), 1e-3)  # one that fits, and others that nothing matches
    anchors[1, 1] = 2.0
    wanted = targets(([[24.0, 8.0, 56.0, 40.0]], [1]))
    terms = detection_loss([head.flatten(1, 2) for head in heads], wanted, anchors, STRIDES, 2, 640)
    for name, value in terms.items():
        assert float(value) == pytest.approx(0.0, abs=1e-6), name


def test_all_anchors_come_from_the_buffer_of_the_network() -> None:
    torch.manual_seed(0)
    model = YOLOv5(2, "small")
    wanted = targets(([[8.0, 8.0, 40.0, 48.0]], [1]))
    pixels = torch.rand(1, 3, 64, 64)
    before = model(pixels, wanted)
    assert before["box"] > 0
    model.load_state_dict({**model.state_dict(), "model.24.anchors": torch.full((3, 3, 2), 1000.0)})
    after = model(pixels, wanted)
    assert float(after["box"].detach()) == 0.0
    assert float(after["class"].detach()) == 0.0


@pytest.mark.parametrize("count", [1, 2, 3])
@pytest.mark.parametrize("num_classes", [1, 2])
@pytest.mark.parametrize("with_boxes", [True, False])
def test_no_term_and_no_gradient_is_ever_not_a_number(count: int, num_classes: int, with_boxes: bool) -> None:
    torch.manual_seed(0)
    model = YOLOv5(num_classes, "small")
    boxes = [[4.0, 4.0, 40.0, 60.0], [0.0, 0.0, 64.0, 64.0], [8.0, 8.0, 8.0, 20.0]] if with_boxes else []
    wanted = targets(*[(boxes, [0] * len(boxes))] * count)
    terms = model(torch.rand(count, 3, 64, 64), wanted)
    assert all(value.isfinite() and value.dim() == 0 for value in terms.values())
    assert (float(terms["class"].detach()) == 0.0) == (num_classes == 1 or not with_boxes)
    assert (float(terms["box"].detach()) > 0.0) == with_boxes
    sum(terms.values()).backward()
    assert all(value.grad is not None and value.grad.isfinite().all() for value in model.parameters())


def test_a_diverging_network_is_noticed() -> None:
    wanted, num_classes = SCENES["objects"]
    heads = drawn_heads(2, num_classes)
    terms = loss([head * math.nan for head in heads], wanted, num_classes)
    assert all(value.isnan() for value in terms.values())


def test_logits_of_bf16_are_compared_in_float32() -> None:
    wanted, num_classes = SCENES["objects"]
    heads = [head.detach().bfloat16().requires_grad_() for head in drawn_heads(2, num_classes)]
    with torch.autocast("cpu", dtype=torch.bfloat16):
        ours = loss(heads, wanted, num_classes)
    theirs = loss([head.detach().float() for head in heads], wanted, num_classes)
    for name, value in ours.items():
        assert value.dtype == torch.float32
        torch.testing.assert_close(value, theirs[name])
    assert all(gradient.isfinite().all() for gradient in torch.autograd.grad(sum(ours.values()), heads))  # type: ignore[arg-type]
