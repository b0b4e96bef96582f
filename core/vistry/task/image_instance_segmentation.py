"""Instance segmentation: a labelled mask over each object."""

from __future__ import annotations

from vistry.task.object_task import ObjectTask


class ImageInstanceSegmentation(ObjectTask):
    """Masks, each within a box."""

    name = "image_instance_segmentation"
    kind = "mask"


TASK = ImageInstanceSegmentation()
