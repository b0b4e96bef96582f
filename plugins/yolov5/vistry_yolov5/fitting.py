"""Anchors fitted to the objects of a training split, in a module of either backend."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from vistry.loading.detection.tiles import tile_boxes
from vistry.plugin import FittedTensors, StateDict, Table, segment_ids

from vistry_yolov5.anchors import anchors_for
from vistry_yolov5.architecture import ANCHORS_EACH, STRIDES, square_side

NAME = "model.24.anchors"


def fit_anchors(state_dict: StateDict, table: Table, hyperparameters: Mapping[str, Any]) -> FittedTensors:
    """Return other anchors where a network's own miss too many of the objects, and what to tell the user."""
    strides = np.array(STRIDES, np.float32)[:, None, None]
    present = (state_dict[NAME] * strides).reshape(-1, 2)
    random = np.random.default_rng(hyperparameters["random_seed"])
    anchors, sentence = anchors_for(object_sizes(table, hyperparameters), present, random)
    if sentence is None:
        return FittedTensors()
    fitted = np.asarray(anchors, np.float32).reshape(len(STRIDES), ANCHORS_EACH, 2) / strides
    return FittedTensors({NAME: fitted}, [sentence])


def object_sizes(table: Table, hyperparameters: Mapping[str, Any]) -> npt.NDArray[np.float64]:
    """[K, 2] widths and heights in pixels of the network's input; with a grid, each object in a tile as well."""
    objects = table.objects
    if objects is None:
        return np.zeros((0, 2))
    image = segment_ids(table.label_starts)
    sides = np.maximum(objects.width, objects.height)[image]
    found = [_scaled(objects.boxes, sides, square_side(hyperparameters))]
    grid = hyperparameters["tile_grid_size"]
    if grid is not None:
        sizes = zip(objects.width.tolist(), objects.height.tolist(), strict=True)
        tiles = [tile_boxes(*size, grid, hyperparameters["tile_overlap_ratio"])[0] for size in sizes]
        sides = np.array([max(right - left, bottom - top) for left, top, right, bottom in tiles])[image]
        found.append(_scaled(objects.boxes, sides, square_side(hyperparameters)))
    kept = ~np.asarray(objects.crowd, dtype=bool)
    return np.concatenate([sizes[kept] for sizes in found])


def _scaled(boxes: npt.NDArray[np.floating], sides: npt.NDArray[np.integer], side: int) -> npt.NDArray[np.float64]:
    """Sizes of boxes, each from an image whose longer side becomes `side`."""
    return np.asarray((boxes[:, 2:] - boxes[:, :2]) * (side / np.maximum(sides, 1))[:, None], dtype=np.float64)
