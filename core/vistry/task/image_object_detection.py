"""Object detection: a labelled box around each object."""

from __future__ import annotations

from vistry.task.object_task import ObjectTask


class ImageObjectDetection(ObjectTask):
    """Boxes; images may be looked at in tiles as well."""

    name = "image_object_detection"
    kind = "box"


TASK = ImageObjectDetection()
