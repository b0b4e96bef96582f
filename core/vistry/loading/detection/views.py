"""The views of an image for a detector: the whole image and its tiles, and their detections merged into one list."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from vistry.data.images.decode import load_pixels
from vistry.evaluation.detection.types import Detections, ImageDetections
from vistry.loading.detection.augmentation import resized_size
from vistry.loading.detection.dataset import STRIDE
from vistry.loading.detection.tiles import nms_across_tiles, tile_boxes
from vistry.loading.views import ImageView
from vistry.registry.tile_grid import TileGrid

Window = tuple[int, int, int, int]
"""Left, top, right and bottom of a region, in pixels of the image."""
CutView = Callable[[Image.Image, Window], ImageView]


@dataclass(frozen=True)
class Letterbox:
    """A square of `side` pixels with an image in its middle, as large as it can be, on a grey of this level.

    An exportable module with such an attribute `letterbox` is given squares; others are given images as
    DetectionTransform resizes them.
    """

    side: int
    grey: int


@dataclass(frozen=True)
class DetectionTransform:
    """The image resized as torchvision's detectors do; with a grid its tiles too, each resized likewise.

    `min_size` and `max_size`: see `resized_size`. `overlap`: the share of its width or height that a tile has in common
    with the next. `merge_iou`: of boxes of one class from different views that overlap by more than this, only the one
    with the highest score is kept.
    """

    min_size: int
    max_size: int
    grid: TileGrid | None = None
    overlap: float = 0.0
    merge_iou: float = 0.0
    size_divisor: int = STRIDE
    variable_size: bool = True

    def views(self, image: str | Path) -> list[ImageView]:
        return cut_views(image, self._resize, self.grid, overlap=self.overlap)

    def merge(self, predictions: Sequence[Detections], views: Sequence[ImageView]) -> ImageDetections:
        whole = views[0]
        detections = merge_view_detections(predictions, views, self.merge_iou)
        return ImageDetections(detections, whole.source_width, whole.source_height)

    def _resize(self, image: Image.Image, window: Window) -> ImageView:
        left, top, right, bottom = window
        size = resized_size(right - left, bottom - top, self.min_size, max_size=self.max_size)
        pixels = np.asarray(image.resize(size, Image.Resampling.BILINEAR, box=window))
        return ImageView(pixels, bottom - top, source_width=right - left, left=left, top=top)


def cut_views(path: str | Path, cut: CutView, grid: TileGrid | None, overlap: float) -> list[ImageView]:
    """Decode an image file once, and let `cut` make a view of the whole and, with a grid, of each of its tiles.

    The whole image comes first. Raises DataError where the file can't be decoded.
    """
    pixels = load_pixels(path)
    height, width, _ = pixels.shape
    windows: list[Window] = [(0, 0, width, height)]
    if grid is not None:
        windows += [
            (left, top, right, bottom)
            for left, top, right, bottom in tile_boxes(width, height, grid, overlap=overlap).tolist()
        ]
    image = Image.fromarray(pixels)
    return [cut(image, window) for window in windows]


def merge_view_detections(predictions: Sequence[Detections], views: Sequence[ImageView], iou: float) -> Detections:
    """The detections of all views of an image, in pixels of the image, each object once.

    The boxes of `predictions` are in pixels of each view's region. Those of a single view stay as they are; those of
    several come in the order of their scores, and without masks.
    """
    if len(views) == 1:
        return predictions[0]
    boxes = np.concatenate(
        [
            detections.boxes + np.array([view.left, view.top] * 2, dtype=np.float32)
            for detections, view in zip(predictions, views, strict=True)
        ]
    )
    scores = np.concatenate([detections.scores for detections in predictions])
    labels = np.concatenate([detections.labels for detections in predictions])
    view_of = np.repeat(np.arange(len(views)), [len(detections.scores) for detections in predictions])
    best = nms_across_tiles(boxes, scores, labels=labels, tile_of=view_of, iou=iou)
    return Detections(boxes[best], scores[best], labels[best])
