"""Objects that are hardly anything once an image has been resized to the network's input."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from vistry.data.offsets import segment_ids
from vistry.data.table import Table
from vistry.errors import VistryError
from vistry.loading.views import EvalTransform
from vistry.training.model_context import ModelContext

# Pixels of an object's side, the root of its box's area: less than a cell of the finest map of most detectors.
SMALL = 8.0
# The share of the objects from which on it is worth a word.
MANY = 0.1
# Images whose resize is looked at; sizes differ little within a data set.
SAMPLE = 5
LARGEST_GRID = 8


def small_object_advice(context: ModelContext, table: Table) -> list[str]:
    """A sentence where many objects of a table are under SMALL pixels at the model's input, with what to try."""
    sides = _sides(table)
    if not len(sides):
        return []
    transform = context.input().eval_transform()
    scale, aspect = _resize(transform, table)
    at_input = sides * scale
    small = float(np.mean(at_input < SMALL))
    if small < MANY:
        return []
    typical = float(np.median(at_input))
    remedy = _remedy(context, float(np.quantile(at_input, MANY)), aspect)
    message = (
        f"{100 * small:.0f} % of the objects are under {SMALL:g} pixels a side at the model's input "
        f"(median {typical:.1f}), which few detectors find"
    )
    return [f"{message}; {remedy}" if remedy else message]


def _sides(table: Table) -> npt.NDArray[np.float64]:
    """[K] the root of the area of each ordinary object's box, in pixels of its image."""
    if table.objects is None:
        return np.zeros(0)
    x1, y1, x2, y2 = table.objects.boxes[~table.objects.crowd].astype(np.float64).T
    sides: npt.NDArray[np.float64] = np.sqrt(np.maximum(x2 - x1, 0) * np.maximum(y2 - y1, 0))
    return sides


def _resize(transform: EvalTransform, table: Table) -> tuple[float, float]:
    """The median factor by which the views of some images with objects are resized, and their width over their height.

    With tiles it is the largest factor of an image's views, since an object is found in the view that shows it best.
    """
    with_objects = np.unique(segment_ids(table.label_starts))
    factors, aspects = [], []
    for row in with_objects[:: max(1, len(with_objects) // SAMPLE)][:SAMPLE].tolist():
        try:
            views = transform.views(table.images[row])
        except VistryError:
            continue
        factors.append(max(view.pixels.shape[0] / view.source_height for view in views))
        aspects.append(views[0].source_width / views[0].source_height)
    return (float(np.median(factors)), float(np.median(aspects))) if factors else (math.inf, 1.0)


def _remedy(context: ModelContext, side: float, aspect: float) -> str:
    """What brings an object of this side at the input up to SMALL, by the hyperparameters that the model has."""
    factor = SMALL / max(side, 1e-6)
    values = context.hyperparameters
    if values.get("tile_grid_size", 0) is None:
        short = max(2, min(math.ceil(factor), LARGEST_GRID))
        long = max(2, min(round(short * max(aspect, 1 / aspect)), LARGEST_GRID))
        columns, rows = (long, short) if aspect >= 1 else (short, long)
        return f"try --tile_grid_size {columns}x{rows}, which cuts each image into tiles"
    if "min_size" in values:
        return f"try --min_size {math.ceil(values.min_size * factor / 32) * 32} and a --max_size above it"
    return ""
