"""Drawings of detections: boxes with class and score, and masks."""

from __future__ import annotations

import colorsys
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from vistry.data.masks.contours import mask_to_outlines
from vistry.data.masks.windows import Window, rle_to_window
from vistry.errors import VistryError
from vistry.evaluation.detection.types import Detections
from vistry.inference.label_placement import Colour, Label, text_colour_on, write_labels
from vistry.runs.files import replacing

Pixels = npt.NDArray[np.uint8]
Box = tuple[float, float, float, float]
"""x1, y1, x2, y2 in pixels."""

MIN_SIDE = 640  # pixels of the longer side; text on smaller images can't be read
# Line widths follow from the picture too: a line is this part of its longer side.
STROKES_PER_SIDE = 350
MASK_OPACITY = 0.35
# Of the circle of hues: steps of this size keep any number of colours apart.
GOLDEN_SECTION = 0.618034
# Of the first five classes, the next five and so on: neighbouring hues look alike after that many.
LIGHTNESSES = (0.5, 0.64, 0.38)


def write_drawing(path: Path, pixels: Pixels, detections: Detections, *, classes: Sequence[str]) -> None:
    """Draw detections on an image, and write it in the format that the suffix names.

    Args:
        path: the file to write.
        pixels: the image, [H, W, 3] uint8 RGB.
        detections: boxes in pixels of the image.
        classes: class names in the order of the model's outputs.

    Raises VistryError for a suffix of another format, and RunError where the file can't be written.
    """
    kind = Image.registered_extensions().get(path.suffix.lower())
    if kind not in Image.SAVE:
        raise VistryError(f"invalid image format '{path.suffix}' of {path}; use .jpg or .png")
    picture = draw_detections(pixels, detections, classes)
    with replacing(path) as temporary:
        picture.save(temporary, kind, quality=92)


def draw_detections(pixels: Pixels, detections: Detections, classes: Sequence[str]) -> Image.Image:
    """Return an image [H, W, 3] uint8 RGB with its detections, the one of the highest score on top.

    Lines and text grow with the image. An image whose longer side is under MIN_SIDE is enlarged by a whole number, to
    make room for them.
    """
    factor = math.ceil(MIN_SIDE / max(pixels.shape[:2]))
    canvas = pixels.repeat(factor, axis=0).repeat(factor, axis=1)
    stroke = max(2, round(max(canvas.shape[:2]) / STROKES_PER_SIDE))
    windows = [_enlarged(rle_to_window(mask), factor) for mask in detections.masks or ()]
    by_score = np.argsort(detections.scores, kind="stable").tolist()
    colours = [colour_of(label) for label in detections.labels.tolist()]
    boxes: list[Box] = [tuple(box) for box in (detections.boxes * factor).tolist()]
    if windows:
        for index in by_score:
            _shade(canvas, windows[index], colours[index])
    picture = Image.fromarray(canvas)
    draw = ImageDraw.Draw(picture)
    for index in by_score:
        if windows:
            _trace(draw, windows[index], colours[index], stroke=max(1, stroke // 2))
        _frame(draw, boxes[index], colours[index], stroke=stroke)
    texts = [
        f"{classes[label]}  {score:.2f}"
        for label, score in zip(detections.labels.tolist(), detections.scores.tolist(), strict=True)
    ]
    write_labels(picture, [Label(texts[index], boxes[index], colours[index]) for index in reversed(by_score)])
    return picture


def colour_of(label: int) -> Colour:
    """Return the RGB colour of a class: always the same, and far from those of the classes before it.

    Hues follow each other at the golden section of the circle, which keeps any number of them apart.
    """
    hue = (0.02 + label * GOLDEN_SECTION) % 1
    lightness = LIGHTNESSES[label // 5 % len(LIGHTNESSES)]
    red, green, blue = colorsys.hls_to_rgb(hue, lightness, 0.9)
    return round(255 * red), round(255 * green), round(255 * blue)


def _enlarged(window: Window, factor: int) -> Window:
    mask, (left, top) = window
    return mask.repeat(factor, axis=0).repeat(factor, axis=1), (left * factor, top * factor)


def _shade(canvas: Pixels, window: Window, colour: Colour) -> None:
    mask, (left, top) = window
    part = canvas[top : top + mask.shape[0], left : left + mask.shape[1]]
    part[mask] = np.rint((1 - MASK_OPACITY) * part[mask] + MASK_OPACITY * np.array(colour))


def _trace(draw: ImageDraw.ImageDraw, window: Window, colour: Colour, *, stroke: int) -> None:
    mask, corner = window
    for ring in mask_to_outlines(mask):
        closed = np.append(ring, ring[:2], axis=0) + corner
        draw.line(closed.reshape(-1).tolist(), fill=colour, width=stroke)


def _frame(draw: ImageDraw.ImageDraw, box: Box, colour: Colour, *, stroke: int) -> None:
    x1, y1 = round(box[0]), round(box[1])
    # A box ends between pixels; its last line is drawn on the pixel before.
    x2, y2 = max(x1, round(box[2]) - 1), max(y1, round(box[3]) - 1)
    draw.rectangle((x1 - 1, y1 - 1, x2 + 1, y2 + 1), outline=text_colour_on(colour))
    draw.rectangle((x1, y1, x2, y2), outline=colour, width=stroke)
