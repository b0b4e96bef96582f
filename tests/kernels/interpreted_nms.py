"""What core's own kernel computes, seen through Triton's interpreter: run by test_nms.py in a process of its own."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
import torchvision
import vistry.torch_layers.nms as plain
from torch import nn
from torch.profiler import ProfilerActivity, profile
from vistry.kernels import Operation
from vistry.kernels.agreement import disagreements_on
from vistry.kernels.core_kernels import CORE_KERNELS
from vistry.torch_layers.nms_kernel import batched_nms

ARGUMENTS = next(iter(plain.samples(torch.float32, "cpu")))


class Postprocess(nn.Module):
    """The end of a detector, by the kernel."""

    def __init__(self) -> None:
        super().__init__()
        self.operation = Operation("batched_nms", plain.batched_nms, {"cpu": {torch.float32: batched_nms}})

    def forward(self, boxes: torch.Tensor, scores: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        kept = self.operation(boxes, scores, labels, 0.25, 0.5, 20)
        found = boxes.gather(1, kept.clamp(min=0)[:, :, None].expand(-1, -1, 4))
        return found.masked_fill((kept < 0)[:, :, None], 0.0)


def drawn(seed: int, count: int, labels: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """An image of 800 pixels: corners with all their digits, half the scores equal to others."""
    draw = torch.Generator().manual_seed(seed)
    corner, size = torch.rand((count, 2), generator=draw) * 800, torch.rand((count, 2), generator=draw) * 400
    scores = torch.rand(count, generator=draw)
    scores = scores.where(scores > 0.5, (scores * 40).round() / 40)
    return torch.cat([corner, corner + size], dim=1), scores, torch.randint(labels, (count,), generator=draw)


def label_by_label(
    boxes: torch.Tensor, scores: torch.Tensor, labels: torch.Tensor, score_threshold: float, iou_threshold: float
) -> list[int]:
    """What torchvision keeps of one image, asked for each label on its own, so that nothing is rounded."""
    kept = []
    for label in labels.unique():
        [places] = torch.where((labels == label) & (scores > score_threshold))
        kept.append(places[torchvision.ops.nms(boxes[places], scores[places], iou_threshold)])
    return sorted(torch.cat(kept).tolist(), key=lambda place: (-float(scores[place]), place))


def kept_of_one(*arguments: torch.Tensor, score: float = 0.1, iou: float = 0.5, most: int | None = None) -> list[int]:
    """What the kernel keeps of one image."""
    boxes, scores, labels = (argument[None] for argument in arguments)
    [row] = batched_nms(boxes, scores, labels, score, iou, most or max(1, scores.shape[1])).tolist()
    count = sum(place >= 0 for place in row)
    assert row[count:] == [-1] * (len(row) - count)
    return row[:count]


def test_it_agrees_with_its_reference() -> None:
    [kernel] = CORE_KERNELS
    assert list(disagreements_on("cpu", kernel)) == []


@pytest.mark.parametrize(
    ("count", "labels", "iou", "most"), [(200, 1, 0.3, 200), (300, 4, 0.7, 300), (1500, 6, 0.45, 40), (65, 90, 0.5, 65)]
)
def test_it_keeps_what_torchvision_keeps_box_for_box(count: int, labels: int, iou: float, most: int) -> None:
    arguments = drawn(count, count, labels)
    expected = label_by_label(*arguments, 0.1, iou)
    assert sorted(expected) == sorted(torchvision_batched(*arguments, 0.1, iou))  # which mixes up equal scores
    assert kept_of_one(*arguments, iou=iou, most=most) == expected[:most]


def torchvision_batched(
    boxes: torch.Tensor, scores: torch.Tensor, labels: torch.Tensor, score_threshold: float, iou_threshold: float
) -> list[int]:
    [places] = torch.where(scores > score_threshold)
    kept = torchvision.ops.batched_nms(boxes[places], scores[places], labels[places], iou_threshold)
    found: list[int] = places[kept].tolist()
    return found


@pytest.mark.parametrize("tenths", range(1, 10))
def test_an_overlap_of_exactly_the_threshold(tenths: int) -> None:
    """Which a float32 exceeds or doesn't, as it does in torchvision on a processor."""
    boxes = torch.tensor([[0.0, 0.0, 10.0, 1.0], [0.0, 0.0, tenths, 1.0]])
    scores, labels = torch.tensor([0.9, 0.8]), torch.zeros(2, dtype=torch.int64)
    iou = tenths / 10
    assert kept_of_one(boxes, scores, labels, iou=iou) == torchvision.ops.nms(boxes, scores, iou).tolist()


def test_a_suppressed_box_suppresses_none() -> None:
    """A chain in which each box overlaps the next: every other one stays, however long it is."""
    left = torch.arange(150.0)
    boxes = torch.stack([left, torch.zeros(150), left + 2.5, torch.ones(150)], dim=1)
    scores, labels = torch.linspace(0.9, 0.2, 150), torch.zeros(150, dtype=torch.int64)
    assert kept_of_one(boxes, scores, labels, iou=0.4) == list(range(0, 150, 2))


def test_boxes_of_different_labels_never_meet() -> None:
    boxes = torch.tensor([[-5.0, -5.0, 5.0, 5.0]]).repeat(3, 1)
    assert kept_of_one(boxes, torch.tensor([0.5, 0.7, 0.6]), torch.tensor([4, 1, 4])) == [1, 2]


def test_images_are_apart_and_may_be_empty_of_candidates() -> None:
    boxes, scores, labels = (torch.stack([one, one, one]) for one in drawn(0, 150, 3))
    scores[1] = 0.0
    kept = batched_nms(boxes, scores, labels, 0.1, 0.5, 150)
    assert torch.equal(kept[0], kept[2])
    assert kept[1].tolist() == [-1] * 150


def test_what_is_no_number_is_no_candidate() -> None:
    boxes, scores, labels = drawn(1, 100, 2)
    unknown = scores.clone()
    unknown[::7] = torch.nan
    assert kept_of_one(boxes, unknown, labels) == label_by_label(
        boxes, scores.where(unknown == scores, 0), labels, 0.1, 0.5
    )


@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")  # numpy's, in the interpreter
def test_a_box_that_is_no_box_suppresses_none() -> None:
    boxes, scores, labels = drawn(2, 100, 2)
    boxes[::5, 2] = torch.nan
    boxes[1::5, 3] = torch.inf
    assert kept_of_one(boxes, scores, labels) == label_by_label(boxes, scores, labels, 0.1, 0.5)


def test_nothing_in_it_waits_for_the_device() -> None:
    """No operation whose result or whose size the processor needs to know."""
    batched_nms(*ARGUMENTS)
    with profile(activities=[ProfilerActivity.CPU]) as trace:
        plain.batched_nms(*ARGUMENTS)
    waiting = {"aten::_local_scalar_dense", "aten::item", "aten::nonzero", "aten::is_nonzero", "aten::masked_select"}
    assert waiting & {event.key for event in trace.key_averages()}
    with profile(activities=[ProfilerActivity.CPU]) as trace:
        batched_nms(*ARGUMENTS)
    called = {event.key for event in trace.key_averages()}
    assert "vistry::batched_nms" in called
    assert not waiting & called


def test_it_is_the_operation_that_torch_takes_it_for() -> None:
    torch.library.opcheck(torch.ops.vistry.batched_nms.default, ARGUMENTS)


def test_two_threads_may_call_it() -> None:
    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(lambda _: batched_nms(*ARGUMENTS), range(3)))
    assert all(torch.equal(result, results[0]) for result in results)


def test_it_compiles_into_one_graph() -> None:
    compiled = torch.compile(Postprocess(), fullgraph=True, backend="aot_eager")
    assert torch.equal(compiled(*ARGUMENTS[:3]), Postprocess()(*ARGUMENTS[:3]))


def test_it_is_exported_and_takes_other_batches() -> None:
    images = {0: torch.export.Dim("batch", min=2, max=8)}
    program = torch.export.export(Postprocess(), ARGUMENTS[:3], dynamic_shapes=(images, images, images))
    assert "vistry.batched_nms.default" in [str(node.target) for node in program.graph.nodes]
    more = tuple(argument.repeat_interleave(2, dim=0) for argument in ARGUMENTS[:3])
    assert torch.equal(program.module()(*more), Postprocess()(*more))


@pytest.mark.parametrize(
    ("boxes", "scores", "labels"), [((2, 5, 4), (2, 5), (2, 4)), ((2, 5, 5), (2, 5), (2, 5)), ((5, 4), (5,), (5,))]
)
def test_other_shapes_are_refused(boxes: tuple[int, ...], scores: tuple[int, ...], labels: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"^invalid shapes: .* expected \[N, A, 4\], \[N, A\] and \[N, A\], got \["):
        batched_nms(torch.ones(boxes), torch.ones(scores), torch.ones(labels, dtype=torch.int64), 0.1, 0.5, 3)


def test_no_boxes_at_all_are_no_wish() -> None:
    with pytest.raises(ValueError, match=r"^invalid max_detections: expected at least 1, got 0$"):
        batched_nms(*ARGUMENTS[:5], 0)
