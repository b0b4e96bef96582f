"""Letterboxing: an image in the middle of a grey square for the network, and its detections back in the image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from vistry.plugin import Detections, ImageView
from vistry.plugin.detection import ImageDetections, TileGrid, Window, cut_views, merge_view_detections

from vistry_yolov5.architecture import LARGEST_STRIDE

GREY = 114
"""The value that pads squares and mosaics, as YOLOv5's weights were trained with."""


def fitted_size(width: int, height: int, side: int) -> tuple[int, int]:
    """Return the width and height scaled so that the longer one is `side`; the other is at least a pixel."""
    scale = side / max(width, height)
    return max(1, round(width * scale)), max(1, round(height * scale))


def margins(width: int, height: int, side: int) -> tuple[int, int]:
    """Return the left and the upper margin of a region that is centred in a square."""
    return (side - width) // 2, (side - height) // 2


@dataclass(frozen=True, kw_only=True)
class LetterboxView(ImageView):
    """A square that shows a part of an image; `source_*` are the square's own sizes.

    `part`: width and height of the part, in pixels of the image. `fitted`: the same, in pixels of the square.
    """

    part: tuple[int, int]
    fitted: tuple[int, int]

    def in_part(self, detections: Detections) -> Detections:
        """Convert boxes from pixels of the square to pixels of the part, clipped to it; empty ones are left out."""
        margin = np.array(margins(*self.fitted, self.source_width) * 2)
        scale = np.array(self.fitted * 2) / np.array(self.part * 2)
        boxes = np.clip((detections.boxes - margin) / scale, 0, self.part * 2).astype(np.float32)
        visible = np.flatnonzero((boxes[:, 2:] > boxes[:, :2]).all(axis=1))
        return Detections(boxes[visible], detections.scores[visible], detections.labels[visible])


@dataclass(frozen=True)
class LetterboxTransform:
    """The image in a square of `image_size`; with a grid its tiles too, each in such a square.

    `merge_iou`: of boxes of one class from different views that overlap by more than this, only the one with the
    highest score is kept.
    """

    image_size: int
    grid: TileGrid | None = None
    overlap: float = 0.0
    merge_iou: float = 0.0
    size_divisor: int = LARGEST_STRIDE
    variable_size: bool = False

    def views(self, image: str | Path) -> list[ImageView]:
        return cut_views(image, self._letterbox, self.grid, self.overlap)

    def merge(self, predictions: Sequence[Detections], views: Sequence[ImageView]) -> ImageDetections:
        squares = [view for view in views if isinstance(view, LetterboxView)]
        parts = [view.in_part(detections) for detections, view in zip(predictions, squares, strict=True)]
        return ImageDetections(merge_view_detections(parts, views, self.merge_iou), *squares[0].part)

    def _letterbox(self, image: Image.Image, window: Window) -> LetterboxView:
        left, top, right, bottom = window
        part, side = (right - left, bottom - top), self.image_size
        fitted = fitted_size(*part, side)
        square = Image.new("RGB", (side, side), (GREY, GREY, GREY))
        square.paste(image.resize(fitted, Image.Resampling.BILINEAR, box=window), margins(*fitted, side))
        return LetterboxView(np.asarray(square), side, side, left, top, part=part, fitted=fitted)
