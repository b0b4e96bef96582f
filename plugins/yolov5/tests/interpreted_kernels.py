"""What the kernels compute, seen through Triton's interpreter: run by test_kernels.py in a process of its own.

The kit's own check holds them against their references, in such a process too.
"""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path

import pytest
import torch
import vistry_yolov5.reference as plain
from torch import nn
from vistry.kernels import Operation
from vistry_yolov5.kernels import complete_iou, decode_head

LOGITS, ANCHORS, *SETTINGS = next(plain.decode_samples(torch.float32, "cpu"))
BOXES, TARGETS = next(sample for sample in plain.iou_samples(torch.float32, "cpu") if len(sample[0]) == 37)


class Head(nn.Module):
    """A head in small, whose output the kernel decodes."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.convolution = nn.Conv2d(4, 2 * 8, 1)
        self.register_buffer("anchors", torch.tensor([[10.0, 13.0], [16.0, 30.0]]))
        self.operation = Operation("decode_head", plain.decode_head, {"cpu": {torch.float32: decode_head}})

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        return self.operation(self.convolution(maps), self.anchors, 8, 0.2)


class Loss(nn.Module):
    """A regression of boxes in small, and what they miss by the kernel."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.head = nn.Linear(6, 4)
        self.operation = Operation("complete_iou", plain.complete_iou, {"cpu": {torch.float32: complete_iou}})

    def forward(self, features: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        return 1 - self.operation(4 * self.head(features).sigmoid(), targets)


def maps(count: int) -> torch.Tensor:
    return torch.randn((count, 4, 3, 5), generator=torch.Generator().manual_seed(1))


def pairs(count: int) -> tuple[torch.Tensor, torch.Tensor]:
    draw = torch.Generator().manual_seed(1)
    return torch.randn((count, 6), generator=draw), 4 * torch.rand((count, 4), generator=draw)


@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf")  # opcheck looks at them all
def test_they_are_the_operations_that_torch_takes_them_for() -> None:
    torch.library.opcheck(torch.ops.vistry_yolov5.decode_head.default, (LOGITS, ANCHORS, *SETTINGS))
    torch.library.opcheck(torch.ops.vistry_yolov5.complete_iou.default, (BOXES.clone().requires_grad_(), TARGETS))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_scores_are_as_exact_as_they_are_small_and_classes_the_same(dtype: torch.dtype) -> None:
    """A tolerance counts from the largest number of all, which is a pixel's."""
    for logits, *settings in islice(plain.decode_samples(dtype, "cpu"), 8, None, 4):
        found, expected = decode_head(logits, *settings), plain.decode_head(logits, *settings)
        torch.testing.assert_close(found[..., 4], expected[..., 4], rtol=1e-5, atol=0)
        assert torch.equal(found[..., 5], expected[..., 5])


def test_every_layout_is_decoded_to_the_same_bits() -> None:
    expected = decode_head(LOGITS, ANCHORS, *SETTINGS)
    wide = torch.full((*LOGITS.shape, 2), torch.nan)
    wide[..., 0] = LOGITS
    for logits in (LOGITS.contiguous(memory_format=torch.channels_last), LOGITS.mT.contiguous().mT, wide[..., 0]):
        assert logits.stride() != LOGITS.stride()
        assert torch.equal(decode_head(logits, ANCHORS, *SETTINGS), expected)


def test_saturated_logits_are_certain_and_sizes_stay_within_four_anchors() -> None:
    logits = torch.full((1, 7, 1, 2), torch.inf)
    logits[0, :, 0, 1] = torch.tensor([-torch.inf, -1e30, -200.0, 200.0, 1e30, -torch.inf, 90.0])
    found = decode_head(logits, torch.tensor([[10.0, 20.0]]), 8, 0.5)
    assert found[0].tolist() == [[12 - 20, 12 - 40, 12 + 20, 12 + 40, 1, 0], [4, -4 - 40, 4, -4 + 40, 1, 1]]


def test_what_is_no_number_stays_none_and_does_not_spread() -> None:
    for field in range(10):
        logits = LOGITS.clone()
        logits[1, 85 + field, 2, 3] = torch.nan
        logits[1, 85 + 4, 2, 3] += 5
        found = decode_head(logits, ANCHORS, *SETTINGS)
        rows = torch.argwhere(found.isnan().any(2)).tolist()
        assert rows == [[1, (1 * 5 + 2) * 7 + 3]]
        torch.testing.assert_close(found, plain.decode_head(logits, ANCHORS, *SETTINGS), equal_nan=True)


@pytest.mark.parametrize("field", range(4))
@pytest.mark.parametrize("whose", ["box", "target"])
def test_a_box_that_is_none_makes_no_number_of_its_own_result_alone(whose: str, field: int) -> None:
    boxes, targets = BOXES.clone(), TARGETS.clone()
    (boxes if whose == "box" else targets)[7, field] = torch.nan
    boxes.requires_grad_()
    found = complete_iou(boxes, targets)
    assert torch.argwhere(found.isnan()).tolist() == [[7]]
    found.sum().backward()
    assert boxes.grad is not None
    assert torch.argwhere(boxes.grad.isnan().any(1)).tolist() == [[7]]


def test_the_angles_of_aspects_are_exact() -> None:
    """Of boxes around one centre, alpha and v are all that isn't sides: those of every aspect, against math.atan."""
    aspects = [2.0**power for power in range(-12, 13)] + [0.4142, 0.4143, 2.4142, 2.4143, 1.0001]
    sizes = torch.tensor([[aspect, 1.0] for aspect in aspects])
    boxes = torch.cat([torch.zeros_like(sizes), sizes], 1)
    found = complete_iou(boxes, torch.tensor([0.0, 0.0, 1.0, 1.0]).expand_as(boxes))
    for aspect, ours in zip(aspects, found.tolist(), strict=True):
        iou = min(aspect, 1 / aspect)
        v = 4 / math.pi**2 * (math.pi / 4 - math.atan(aspect)) ** 2
        assert ours == pytest.approx(iou - v**2 / (1 - iou + v + 1e-7), abs=5e-7)


def test_targets_have_no_gradient_and_nothing_decoded_has() -> None:
    boxes, targets = BOXES.clone().requires_grad_(), TARGETS.clone().requires_grad_()
    complete_iou(boxes, targets).sum().backward()
    assert boxes.grad is not None
    assert targets.grad is None
    assert not decode_head(LOGITS.clone().requires_grad_(), ANCHORS, *SETTINGS).requires_grad


def test_images_beyond_two_to_the_31_numbers_are_found(tmp_path: Path) -> None:
    """In a file with a hole in it, which takes no room."""
    step = 2**31 + 64
    memory = torch.from_file(str(tmp_path / "logits"), shared=True, size=step + 64, dtype=torch.float16)
    logits = memory.as_strided((2, 6, 1, 2), (step, 2, 2, 1))
    logits[1] = torch.arange(12).view(6, 1, 2) / 8
    expected = plain.decode_head(logits, ANCHORS[:1].half(), 8, 0.1)
    torch.testing.assert_close(decode_head(logits, ANCHORS[:1].half(), 8, 0.1), expected)


def test_two_threads_may_call_them() -> None:
    with ThreadPoolExecutor(2) as pool:
        heads = list(pool.map(lambda _: decode_head(LOGITS, ANCHORS, *SETTINGS), range(4)))
        overlaps = list(pool.map(lambda _: complete_iou(BOXES, TARGETS), range(6)))
    for results in (heads, overlaps):
        assert all(torch.equal(result, results[0]) for result in results)


def test_they_compile_into_one_graph() -> None:
    head = Head().eval()
    torch.testing.assert_close(torch.compile(head, fullgraph=True, backend="aot_eager")(maps(3)), head(maps(3)))
    loss = Loss()
    eager = torch.autograd.grad(loss(*pairs(9)).square().sum(), tuple(loss.parameters()))
    compiled = torch.compile(loss, fullgraph=True, backend="aot_eager")
    found = torch.autograd.grad(compiled(*pairs(9)).square().sum(), tuple(loss.parameters()))
    for ours, theirs in zip(found, eager, strict=True):
        torch.testing.assert_close(ours, theirs)


def test_they_are_exported_and_take_other_batches() -> None:
    count = {0: torch.export.Dim("count", min=2, max=8)}
    head, loss = Head().eval(), Loss().eval()
    program = torch.export.export(head, (maps(2),), dynamic_shapes=(count,))
    assert "vistry_yolov5.decode_head.default" in [str(node.target) for node in program.graph.nodes]
    torch.testing.assert_close(program.module()(maps(5)), head(maps(5)))
    program = torch.export.export(loss, pairs(2), dynamic_shapes=(count, count))
    assert "vistry_yolov5.complete_iou.default" in [str(node.target) for node in program.graph.nodes]
    torch.testing.assert_close(program.module()(*pairs(5)), loss(*pairs(5)))


@pytest.mark.parametrize(
    ("logits", "anchors"),
    [
        ((1, 18, 2), (3, 2)),
        ((1, 18, 2, 2), (3, 1)),
        ((1, 15, 2, 2), (3, 2)),
        ((1, 19, 2, 2), (3, 2)),
        ((1, 6, 2, 2), (0, 2)),
    ],
)
def test_other_heads_are_refused(logits: tuple[int, ...], anchors: tuple[int, ...]) -> None:
    expected = r"^decode_head takes logits \[N, A \* \(5 \+ C\), h, w\] and anchors \[A, 2\], not \[1, "
    with pytest.raises(ValueError, match=expected):
        decode_head(torch.ones(logits), torch.ones(anchors), 8, 0.5)


@pytest.mark.parametrize(("boxes", "targets"), [((3, 4), (4, 4)), ((3, 5), (3, 5)), ((4,), (4,))])
def test_other_boxes_are_refused(boxes: tuple[int, ...], targets: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"^complete_iou takes boxes \[M, 4\] and targets \[M, 4\], not "):
        complete_iou(torch.ones(boxes), torch.ones(targets))
