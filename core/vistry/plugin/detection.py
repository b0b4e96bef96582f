"""The plugin API for detectors whose images or samples aren't prepared as the tasks do it.

Names are loaded when they are used. `docs/reference/plugin-api.md` lists each with its signature.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vistry.data.images.cache import DecodedImages as DecodedImages
    from vistry.evaluation.detection.types import Boxes as Boxes
    from vistry.evaluation.detection.types import Flags as Flags
    from vistry.evaluation.detection.types import ImageDetections as ImageDetections
    from vistry.evaluation.detection.types import Labels as Labels
    from vistry.loading.detection.dataset import DetectionDataset as DetectionDataset
    from vistry.loading.detection.dataset import target_of as target_of
    from vistry.loading.detection.sample import DetectionSample as DetectionSample
