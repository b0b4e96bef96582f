"""The kernels' references against loops, numbers by hand and torchvision, and the kernels against their references."""

from __future__ import annotations

import math
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch
import torchvision
from vistry.kernels import disagreements, kernels_for
from vistry.registry.catalogue import Catalogue
from vistry.testing.triton_kernels import compile_for_gpu, run_in_interpreter
from vistry_yolov5.reference import complete_iou, decode_head, decode_samples, iou_samples

needs_triton = pytest.mark.skipif(find_spec("triton") is None, reason="Triton comes with torch on Linux alone")


def sigmoid(logit: float) -> float:
    return 1 / (1 + math.exp(-logit))


def rows_by_loop(logits: torch.Tensor, anchors: torch.Tensor, stride: int, threshold: float) -> Iterator[list[float]]:
    """The definition, a cell at a time."""
    _, channels, height, width = logits.shape
    fields = channels // len(anchors)
    for image in logits.tolist():
        for place, (across, down) in enumerate(anchors.tolist()):
            for row in range(height):
                for column in range(width):
                    cell = [image[place * fields + field][row][column] for field in range(fields)]
                    label = cell[5:].index(max(cell[5:]))
                    score = sigmoid(cell[4]) * sigmoid(cell[5 + label])
                    x = (2 * sigmoid(cell[0]) - 0.5 + column) * stride
                    y = (2 * sigmoid(cell[1]) - 0.5 + row) * stride
                    w, h = (2 * sigmoid(cell[2])) ** 2 * across, (2 * sigmoid(cell[3])) ** 2 * down
                    found = [x - w / 2, y - h / 2, x + w / 2, y + h / 2, score, label]
                    yield found if score > threshold else [0.0] * 6


class TestDecoding:
    def test_a_cell_in_the_middle_by_hand(self) -> None:
        """Of logits that are all 0: the centre of its cell, the anchor's size, and a quarter for the first class."""
        found = decode_head(torch.zeros((1, 2 * 8, 2, 3)), torch.tensor([[4.0, 6.0], [20.0, 2.0]]), 8, 0.2)
        assert found.shape == (1, 12, 6)
        assert found[0, 5].tolist() == [18, 9, 22, 15, 0.25, 0]
        assert found[0, 7].tolist() == [2, 3, 22, 5, 0.25, 0]

    def test_every_cell_of_every_sample_by_a_loop(self) -> None:
        kept = []
        for logits, anchors, stride, threshold in decode_samples(torch.float32, "cpu"):
            found = decode_head(logits, anchors, stride, threshold)
            expected = list(rows_by_loop(logits, anchors, stride, threshold))
            assert found.dtype == torch.float32
            assert found.shape == (len(logits), len(anchors) * math.prod(logits.shape[2:]), 6)
            by_loop = torch.tensor(expected).view(-1, 6)
            torch.testing.assert_close(found.flatten(0, 1)[:, :4], by_loop[:, :4], rtol=0, atol=2e-4)  # of 640 pixels
            torch.testing.assert_close(found.flatten(0, 1)[:, 4:], by_loop[:, 4:], rtol=1e-5, atol=0)
            kept += [bool(row[4]) for row in expected]
        assert 0.5 < sum(kept) / len(kept) < 0.95

    def test_half_precision_is_decoded_in_float32(self) -> None:
        logits, anchors, stride, threshold = next(decode_samples(torch.bfloat16, "cpu"))
        found = decode_head(logits, anchors, stride, threshold)
        assert found.dtype == torch.float32
        torch.testing.assert_close(found, decode_head(logits.float(), anchors.float(), stride, threshold))

    def test_classes_count_only_where_there_may_be_an_object(self) -> None:
        """And what is no number stays none, where it is looked at."""
        logits = torch.zeros((1, 7, 1, 3))
        logits[0, 4] = torch.tensor([-9.0, 9.0, torch.nan])
        logits[0, 6, 0, :2] = torch.nan
        found = decode_head(logits, torch.ones((1, 2)), 8, 0.01)
        assert found[0, 0].tolist() == [0.0] * 6
        assert found[0, 1:, 4].isnan().all()
        assert found[0, 1:, 5].tolist() == [1.0, 0.0]

    def test_nothing_has_gradients(self) -> None:
        logits, anchors, *rest = next(decode_samples(torch.float32, "cpu"))
        assert not decode_head(logits.clone().requires_grad_(), anchors.clone().requires_grad_(), *rest).requires_grad


class TestCompleteIoU:
    @pytest.mark.parametrize(
        ("box", "target", "expected"),
        [
            ((1, 2, 3, 4), (1, 2, 3, 4), 1),
            ((0, 0, 2, 2), (3, 0, 2, 2), -9 / (25 + 4)),
            ((0, 0, 2, 2), (1, 0, 2, 2), 2 / 6 - 1 / (9 + 4)),
            ((0, 0, 0, 2), (0, 0, 2, 2), -0.25 * 0.25 / (1 + 0.25)),  # v is (4 / pi ** 2) (pi / 4) ** 2
            ((0, 0, 0, 0), (0, 0, 0, 0), 0),
        ],
    )
    def test_by_hand(self, box: tuple[int, ...], target: tuple[int, ...], expected: float) -> None:
        found = complete_iou(torch.tensor([box]).float(), torch.tensor([target]).float())
        assert found.tolist() == pytest.approx([expected], abs=1e-6)

    def test_it_is_torchvisions_with_its_gradient(self) -> None:
        """Which has no answer for boxes without height, and takes corners."""
        for boxes, targets in iou_samples(torch.float64, "cpu"):
            whole = (boxes[:, 2:] > 0).all(1) & (targets[:, 2:] > 0).all(1)
            ours, theirs = (boxes[whole].clone().requires_grad_() for _ in range(2))
            corners = torchvision.ops.box_convert(theirs, "cxcywh", "xyxy")
            target_corners = torchvision.ops.box_convert(targets[whole], "cxcywh", "xyxy")
            found, expected = complete_iou(ours, targets[whole]), torchvision.ops.complete_box_iou_loss
            loss = expected(corners, target_corners)
            torch.testing.assert_close(1 - found, loss, rtol=1e-6, atol=1e-6)
            upstream = torch.linspace(-1, 2, len(found), dtype=found.dtype)
            [of_ours] = torch.autograd.grad(found, ours, upstream)
            [of_theirs] = torch.autograd.grad(loss, theirs, -upstream)
            torch.testing.assert_close(of_ours, of_theirs, rtol=1e-5, atol=1e-5)

    def test_its_gradient_is_the_slope(self) -> None:
        """Of boxes with their targets' aspects, where that alpha is taken for a number makes no difference."""
        boxes, targets = next(sample for sample in iou_samples(torch.float64, "cpu") if len(sample[0]) == 37)
        boxes = torch.cat([boxes[:, :2], targets[:, 2:] * boxes[:, 2:3]], 1)
        assert torch.autograd.gradcheck(complete_iou, (boxes.requires_grad_(), targets))

    @pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
    def test_value_and_gradient_are_numbers_whatever_the_sizes(self, dtype: torch.dtype) -> None:
        for boxes, targets in iou_samples(dtype, "cpu"):
            boxes, targets = boxes.clone().requires_grad_(), targets.clone().requires_grad_()
            found = complete_iou(boxes, targets)
            found.sum().backward()
            assert found.dtype == torch.float32
            assert found.shape == (len(boxes),)
            assert found.isfinite().all()
            assert boxes.grad is not None
            assert boxes.grad.dtype == dtype
            assert boxes.grad.isfinite().all()
            assert targets.grad is None


@needs_triton
def test_the_kernels_in_the_interpreter() -> None:
    run_in_interpreter(Path(__file__).with_name("interpreted_kernels.py"))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU; the interpreter stands in for it")
@pytest.mark.parametrize("operation", ["decode_head", "complete_iou"])
def test_the_kernels_on_a_gpu(operation: str) -> None:
    [kernel] = kernels_for(Catalogue.read(), operation)
    assert disagreements(kernel.spec) == []


@needs_triton
@pytest.mark.parametrize("architecture", [80, 90])
@pytest.mark.parametrize("layout", ["contiguous", "channels_last"])
def test_decoding_compiles_for_gpus_that_are_not_here(architecture: int, layout: str) -> None:
    """With one of the two distances known to be 1, as Triton finds it; there neighbours are read together."""
    from vistry_yolov5.kernels import decode_kernel

    steps = {"image_step": "i32", "field_step": "i32", "cell_step": "i32"}
    numbers = dict.fromkeys(("anchors", "classes", "cells", "width", "stride"), "i32")
    known = {"cell_step" if layout == "contiguous" else "field_step": 1, "FIELDS": 5, "CELLS": 128, "CLASSES": 32}
    types = {"logits_at": "*fp32", "anchors_at": "*fp32", "rows_at": "*fp32", **numbers, "threshold": "fp32", **steps}
    compile_for_gpu(decode_kernel, types, known, architecture, num_warps=4)


@needs_triton
@pytest.mark.parametrize("architecture", [80, 90])
@pytest.mark.parametrize("dtype", ["fp32", "bf16"])
def test_the_iou_compiles_for_gpus_that_are_not_here(architecture: int, dtype: str) -> None:
    from vistry_yolov5.kernels import iou_backward_kernel, iou_kernel

    boxes = {"boxes_at": f"*{dtype}", "targets_at": f"*{dtype}"}
    forward_types = {**boxes, "result_at": "*fp32", "count": "i32"}
    compile_for_gpu(iou_kernel, forward_types, {"BLOCK": 512}, architecture, num_warps=4)
    types = {"upstream_at": "*fp32", **boxes, "gradient_at": f"*{dtype}", "count": "i32"}
    compile_for_gpu(iou_backward_kernel, types, {"BLOCK": 512}, architecture, num_warps=4)
