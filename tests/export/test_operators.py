"""Operations of exportable networks, written in ONNX's operators, give what they give in torch."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torchvision.ops import roi_align
from vistry.export.onnx_format.operators import translations
from vistry.torch_layers.nms import batched_nms, exportable_nms, samples
from vistry.torch_layers.region_pooling import exportable_pooling


def test_suppression_in_an_onnx_file_is_that_of_torch() -> None:
    """onnxscript computes the translation's operators one by one, by onnxruntime."""
    written = translations()[torch.ops.vistry.exportable_nms.default]
    compared = 0
    for boxes, scores, labels, score_threshold, iou_threshold, most in samples(torch.float32, "cpu"):
        are_corners = bool((boxes[..., 2:] >= boxes[..., :2]).all())
        if score_threshold < 0 or not scores.numel() or not are_corners:  # what isn't promised
            continue
        expected = batched_nms(boxes, scores, labels, score_threshold, iou_threshold, most)
        classes = int(labels.max()) + 1
        limits = {"score_threshold": score_threshold, "iou_threshold": iou_threshold, "max_detections": most}
        assert exportable_nms(boxes, scores, labels, classes=classes, **limits).equal(expected)
        arrays = [np.ascontiguousarray(values.numpy()) for values in (boxes, scores, labels)]
        selected = written(*arrays, classes, *limits.values())
        np.testing.assert_array_equal(np.asarray(selected.value), expected.numpy())
        compared += 1
    assert compared > 8


def test_the_kernel_for_a_gpu_is_another_operation() -> None:
    """Whoever loads it in a process that exports must not replace what an ONNX file has a translation of."""
    pytest.importorskip("vistry.torch_layers.nms_kernel", reason="there is no Triton here", exc_type=ImportError)
    assert "classes" in str(torch.ops.vistry.exportable_nms.default._schema)
    assert "classes" not in str(torch.ops.vistry.batched_nms.default._schema)


def test_pooling_of_regions_in_an_onnx_file_is_that_of_torch() -> None:
    random = torch.Generator().manual_seed(0)
    maps = [torch.randn(2, 3, 32 // step, 40 // step, generator=random) for step in (1, 2, 4)]
    corners, sides = torch.rand(12, 2, generator=random) * 80, torch.rand(12, 2, generator=random) * 60
    boxes, images = torch.cat([corners, corners + sides], dim=1), torch.arange(12) % 2
    levels = torch.tensor([0, 1, 2, -1] * 3)
    scales = [1 / 4, 1 / 8, 1 / 16]
    expected = exportable_pooling(maps, boxes, images, levels, scales, 7, 2)
    for row in range(12):  # torchvision's own, box by box
        box, level = [boxes[row : row + 1]], int(levels[row])
        one = (
            torch.zeros(1, 3, 7, 7)
            if level < 0
            else roi_align(maps[level][images[row]][None], box, 7, scales[level], 2)
        )
        torch.testing.assert_close(expected[row : row + 1], one)
    arrays = [values.numpy() for values in (boxes, images, levels)]
    written = translations()[torch.ops.vistry.region_pooling.default]
    pooled = written([one.numpy() for one in maps], *arrays, scales, 7, 2)
    np.testing.assert_allclose(np.asarray(pooled.value), expected.numpy(), atol=1e-5)
