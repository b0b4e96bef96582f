"""Operations of exportable networks in ONNX's own operators."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any


def translations() -> Mapping[Callable[..., Any], Callable[..., Any]]:
    """Return what torch's exporter writes in the place of each operation of core."""
    import torch

    from vistry.torch_layers import exportable_nms

    assert exportable_nms is not None  # which registers the operation
    return {torch.ops.vistry.batched_nms.default: _batched_nms}


def _batched_nms(boxes: Any, scores: Any, labels: Any, classes: int, *limits: Any) -> Any:
    """Write `vistry.torch_layers.exportable_nms`: both take the first of equal scores.

    Suppression within a class is that of scores [N, C, A] which are below any threshold for other classes.
    """
    from onnxscript import opset18

    op: Any = opset18  # whose types are those of finished graphs
    score_threshold, iou_threshold, most = limits
    each_class = op.Constant(value_ints=list(range(classes)))
    is_class = op.Equal(op.Unsqueeze(labels, [1]), op.Unsqueeze(each_class, [0, 2]))
    below = op.Constant(value_float=-1.0)
    of_class = op.Where(is_class, op.Unsqueeze(scores, [1]), below)
    threshold = op.Constant(value_float=score_threshold)
    selected = op.NonMaxSuppression(
        boxes, of_class, op.Constant(value_ints=[most]), op.Constant(value_float=iou_threshold), threshold
    )
    places = op.Gather(selected, [0, 2], axis=1)
    survivors = op.ScatterND(op.Expand(below, op.Shape(scores)), places, op.GatherND(scores, places))
    # There may be fewer boxes than are asked for.
    padded = op.Pad(survivors, [0, 0, 0, most], below)
    best, index = op.TopK(padded, op.Constant(value_ints=[most]), axis=1)
    return op.Where(op.Greater(best, threshold), index, op.Constant(value_int=-1))
