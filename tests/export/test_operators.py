"""Operations of exportable networks, written in ONNX's operators, give what they give in torch."""

from __future__ import annotations

import numpy as np
import torch
from vistry.export.onnx_format.operators import translations
from vistry.torch_layers.nms import batched_nms, exportable_nms, samples


def test_suppression_in_an_onnx_file_is_that_of_torch() -> None:
    """onnxscript computes the translation's operators one by one, by onnxruntime."""
    [written] = translations().values()
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
