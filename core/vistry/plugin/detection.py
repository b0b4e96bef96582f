"""The plugin API for detectors that prepare their own images: samples, tiles, and detections of several views.

Names are loaded when they are used. `docs/reference/plugin-api.md` lists each with its signature.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vistry.lazy import lazy_names

if TYPE_CHECKING:
    from vistry.data.images.cache import DecodedImages as DecodedImages
    from vistry.data.masks.windows import mask_to_rle as mask_to_rle
    from vistry.evaluation.detection.types import GroundTruth as GroundTruth
    from vistry.evaluation.detection.types import ImageDetections as ImageDetections
    from vistry.evaluation.detection.types import Rle as Rle
    from vistry.loading.detection.dataset import DetectionDataset as DetectionDataset
    from vistry.loading.detection.dataset import DetectionTarget as DetectionTarget
    from vistry.loading.detection.dataset import detection_target as detection_target
    from vistry.loading.detection.sample import Boxes as Boxes
    from vistry.loading.detection.sample import DetectionSample as DetectionSample
    from vistry.loading.detection.sample import Flags as Flags
    from vistry.loading.detection.sample import Labels as Labels
    from vistry.loading.detection.sample import Masks as Masks
    from vistry.loading.detection.tiles import Tiling as Tiling
    from vistry.loading.detection.tiles import tile_boxes as tile_boxes
    from vistry.loading.detection.views import CutView as CutView
    from vistry.loading.detection.views import Letterbox as Letterbox
    from vistry.loading.detection.views import Window as Window
    from vistry.loading.detection.views import cut_views as cut_views
    from vistry.loading.detection.views import merge_view_detections as merge_view_detections
    from vistry.registry.tile_grid import TileGrid as TileGrid

_HOMES = {
    "Boxes": "vistry.loading.detection.sample",
    "CutView": "vistry.loading.detection.views",
    "DecodedImages": "vistry.data.images.cache",
    "DetectionDataset": "vistry.loading.detection.dataset",
    "DetectionSample": "vistry.loading.detection.sample",
    "DetectionTarget": "vistry.loading.detection.dataset",
    "Flags": "vistry.loading.detection.sample",
    "GroundTruth": "vistry.evaluation.detection.types",
    "ImageDetections": "vistry.evaluation.detection.types",
    "Labels": "vistry.loading.detection.sample",
    "Letterbox": "vistry.loading.detection.views",
    "Masks": "vistry.loading.detection.sample",
    "Rle": "vistry.evaluation.detection.types",
    "TileGrid": "vistry.registry.tile_grid",
    "Tiling": "vistry.loading.detection.tiles",
    "Window": "vistry.loading.detection.views",
    "cut_views": "vistry.loading.detection.views",
    "detection_target": "vistry.loading.detection.dataset",
    "mask_to_rle": "vistry.data.masks.windows",
    "merge_view_detections": "vistry.loading.detection.views",
    "tile_boxes": "vistry.loading.detection.tiles",
}
__all__ = list(_HOMES)

__getattr__, __dir__ = lazy_names(__name__, _HOMES)
