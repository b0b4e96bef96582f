"""Anchors fitted to the objects of a training split, in a module of either backend."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from vistry.plugin import FittedTensors, StateDict, Table, Values, segment_ids
from vistry.plugin.detection import tile_boxes

from vistry_yolov5.anchors import better_anchors
from vistry_yolov5.architecture import ANCHORS_EACH, STRIDES, square_side

NAME = "model.24.anchors"


def fit_anchors(state_dict: StateDict, table: Table, hyperparameters: Values) -> FittedTensors:
    """Fit the anchors to the objects of a table if the network's own match too few of them."""
    strides = np.array(STRIDES, np.float32)[:, None, None]
    current = (state_dict[NAME] * strides).reshape(-1, 2)
    random = np.random.default_rng(hyperparameters["random_seed"])
    anchors, message = better_anchors(object_sizes(table, hyperparameters), current, random)
    if message is None:
        return FittedTensors()
    fitted = np.asarray(anchors, np.float32).reshape(len(STRIDES), ANCHORS_EACH, 2) / strides
    return FittedTensors({NAME: fitted}, [message])


def object_sizes(table: Table, hyperparameters: Values) -> npt.NDArray[np.float64]:
    """Return the widths and heights of objects [K, 2] in pixels of the network's input; with a grid, in tiles too."""
    objects = table.objects
    if objects is None:
        return np.zeros((0, 2))
    image = segment_ids(table.label_starts)
    sides = np.maximum(objects.width, objects.height)[image]
    sizes_of_views = [_scaled(objects.boxes, sides, square_side(hyperparameters))]
    grid = hyperparameters["tile_grid_size"]
    if grid is not None:
        sizes = zip(objects.width.tolist(), objects.height.tolist(), strict=True)
        tiles = [tile_boxes(*size, grid, hyperparameters["tile_overlap_ratio"])[0] for size in sizes]
        sides = np.array([max(right - left, bottom - top) for left, top, right, bottom in tiles])[image]
        sizes_of_views.append(_scaled(objects.boxes, sides, square_side(hyperparameters)))
    single = ~np.asarray(objects.crowd, dtype=bool)
    return np.concatenate([sizes[single] for sizes in sizes_of_views])


def _scaled(boxes: npt.NDArray[np.floating], sides: npt.NDArray[np.integer], side: int) -> npt.NDArray[np.float64]:
    """Return the sizes of boxes [K, 2] after the longer side of each one's image, `sides`, becomes `side`."""
    return np.asarray((boxes[:, 2:] - boxes[:, :2]) * (side / np.maximum(sides, 1))[:, None], dtype=np.float64)
