"""Objects found in an image, in the hosted product's schema."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from vistry.data.masks.polygons import rle_to_polygons
from vistry.evaluation.detection.types import Detections


def box_entries(
    detections: Detections, classes: Sequence[str], width: int, height: int, max_points: int | None = None
) -> list[dict[str, Any]]:
    """`{"box": {"topX", "topY", "bottomX", "bottomY"}, "label", "score"}` for each detection, in the same order.

    Coordinates are fractions of an upright image of this width and height. Where there are masks, "polygon" has their
    outlines, `[[x1, y1, x2, y2, ...], ...]`, of at most `max_points` points each, see `rle_to_polygons`.
    """
    size = np.array([width, height], dtype=np.float64)
    corners = (detections.boxes.reshape(-1, 2, 2) / size).clip(0, 1).reshape(-1, 4)
    entries: list[dict[str, Any]] = [
        {
            "box": dict(zip(("topX", "topY", "bottomX", "bottomY"), corner, strict=True)),
            "label": classes[label],
            "score": score,
        }
        for corner, label, score in zip(
            corners.tolist(), detections.labels.tolist(), detections.scores.tolist(), strict=True
        )
    ]
    for entry, mask in zip(entries, detections.masks or (), strict=False):
        entry["polygon"] = [(ring / size).reshape(-1).tolist() for ring in rle_to_polygons(mask, max_points)]
    return entries
