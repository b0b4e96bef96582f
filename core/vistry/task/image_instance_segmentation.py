"""Instance segmentation: a labelled mask over each object."""

from __future__ import annotations

from vistry.task.object_task import ObjectTask


class ImageInstanceSegmentation(ObjectTask):
    """Masks, each within a box."""

    name = "image_instance_segmentation"
    kind = "mask"
    at_prediction = (
        *ObjectTask.at_prediction,
        "mask_pixel_score_threshold",
        "max_number_of_polygon_points",
        "export_as_image",
        "image_type",
    )


TASK = ImageInstanceSegmentation()
