"""Flags of the hyperparameters that may be changed for a trained model."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import click

NAMES = (
    "validation_resize_size",
    "validation_crop_size",
    "min_size",
    "max_size",
    "box_score_threshold",
    "nms_iou_threshold",
    "box_detections_per_image",
    "tile_grid_size",
    "tile_overlap_ratio",
    "tile_predictions_nms_threshold",
    "mask_pixel_score_threshold",
    "max_number_of_polygon_points",
    "export_as_image",
    "image_type",
)


def changed_flags(command: Callable[..., None]) -> Callable[..., None]:
    """Let a command take these flags; it gets those that were given as `changed`, texts by name."""

    @wraps(command)
    def collected(**options: Any) -> None:
        given = {name: options.pop(name) for name in NAMES}
        command(**options, changed={name: value for name, value in given.items() if value is not None})

    for name in reversed(NAMES):
        collected = click.option(f"--{name}", name, hidden=True)(collected)
    return collected
