"""Operations of exportable networks in ONNX's own operators."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any


def translations() -> Mapping[Callable[..., Any], Callable[..., Any]]:
    """Return what torch's exporter writes in the place of each operation of core."""
    import torch

    # Importing these registers the operations.
    from vistry.torch_layers import nms, region_pooling  # noqa: F401

    return {
        torch.ops.vistry.exportable_nms.default: _batched_nms,
        torch.ops.vistry.region_pooling.default: _region_pooling,
    }


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


def _region_pooling(maps: Sequence[Any], boxes: Any, images: Any, levels: Any, *settings: Any) -> Any:
    """Write `vistry.torch_layers.region_pooling.exportable_pooling`: boxes are pooled map by map, and put in order."""
    from onnxscript import opset18

    op: Any = opset18
    scales, size, samples = settings
    all_rows, all_pooled = [], []
    for level, (one, scale) in enumerate(zip(maps, scales, strict=True)):
        rows = op.Reshape(op.NonZero(op.Equal(levels, op.Constant(value_int=level))), op.Constant(value_ints=[-1]))
        pooled = op.RoiAlign(
            one,
            op.Gather(boxes, rows),
            op.Gather(images, rows),
            coordinate_transformation_mode="output_half_pixel",
            output_height=size,
            output_width=size,
            sampling_ratio=samples,
            spatial_scale=scale,
        )
        all_rows.append(rows)
        all_pooled.append(pooled)
    count, channels = op.Shape(boxes, start=0, end=1), op.Shape(maps[0], start=1, end=2)
    shape = op.Concat(count, channels, op.Constant(value_ints=[size, size]), axis=0)
    places = op.Unsqueeze(op.Concat(*all_rows, axis=0), op.Constant(value_ints=[1]))
    return op.ScatterND(op.Expand(op.Constant(value_float=0.0), shape), places, op.Concat(*all_pooled, axis=0))
