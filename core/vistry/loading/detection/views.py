"""An image as a detector is shown it, whole and perhaps in tiles, and what it found put together again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from vistry.data.images.decode import load_pixels
from vistry.evaluation.detection.types import Detections, ImageDetections
from vistry.loading.detection.augmentation import resized_size
from vistry.loading.detection.dataset import STRIDE
from vistry.loading.detection.tiles import Grid, merged, tile_boxes
from vistry.loading.views import ImageView


@dataclass(frozen=True)
class DetectionTransform:
    """The image resized as torchvision's detectors do; with a grid its tiles too, each resized likewise.

    What is found in several views is kept once: of boxes of one class from different views that overlap by more than
    `merge_iou`, the one with the highest score.
    """

    min_size: int
    max_size: int
    grid: Grid | None = None
    overlap: float = 0.0
    merge_iou: float = 0.0
    size_divisor: int = STRIDE
    variable_size: bool = True

    def views(self, image: str | Path) -> list[ImageView]:
        pixels = load_pixels(image)
        height, width, _ = pixels.shape
        windows = [(0, 0, width, height)]
        if self.grid is not None:
            windows += [tuple(window) for window in tile_boxes(width, height, self.grid, self.overlap).tolist()]
        whole = Image.fromarray(pixels)
        return [self._view(whole, *window) for window in windows]

    def _view(self, image: Image.Image, left: int, top: int, right: int, bottom: int) -> ImageView:
        size = resized_size(right - left, bottom - top, self.min_size, self.max_size)
        shown = image.resize(size, Image.Resampling.BILINEAR, box=(left, top, right, bottom))
        return ImageView(np.asarray(shown), bottom - top, right - left, left, top)

    def merged(self, predictions: Sequence[Detections], views: Sequence[ImageView]) -> ImageDetections:
        whole = views[0]
        found = predictions[0]
        if len(views) > 1:
            found = merge_tile_detections(predictions, views, self.merge_iou)
        return ImageDetections(found, whole.shown_width, whole.shown_height)


def merge_tile_detections(predictions: Sequence[Detections], views: Sequence[ImageView], iou: float) -> Detections:
    """The boxes of all views, which are in pixels of what each shows, in those of the image: each object once.

    The highest score comes first.
    """
    corners = [
        found.boxes + np.array([view.left, view.top] * 2, dtype=np.float32)
        for found, view in zip(predictions, views, strict=True)
    ]
    boxes = np.concatenate(corners)
    scores = np.concatenate([found.scores for found in predictions])
    labels = np.concatenate([found.labels for found in predictions])
    of_view = np.repeat(np.arange(len(views)), [len(found.scores) for found in predictions])
    kept = merged(boxes, scores, labels, of_view, iou)
    return Detections(boxes[kept], scores[kept], labels[kept])
