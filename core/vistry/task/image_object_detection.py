"""Object detection: a labelled box around each object."""

from __future__ import annotations

from vistry.task.object_task import ObjectTask


class ImageObjectDetection(ObjectTask):
    """Boxes; images may be looked at in tiles as well."""

    name = "image_object_detection"
    kind = "box"
    at_prediction = (
        *ObjectTask.at_prediction,
        "tile_grid_size",
        "tile_overlap_ratio",
        "tile_predictions_nms_threshold",
    )


TASK = ImageObjectDetection()
