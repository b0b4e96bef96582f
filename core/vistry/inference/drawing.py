"""Pictures of what a detector found: boxes with class and score, and masks."""

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
from vistry.inference.label_placement import Colour, Label, ink_on, write_labels
from vistry.runs.files import replacing

Pixels = npt.NDArray[np.uint8]
Box = tuple[float, float, float, float]
SMALLEST_SIDE = 640
STROKES_PER_SIDE = 350
MASK_OPACITY = 0.35
GOLDEN_SECTION = 0.618034
LIGHTNESSES = (0.5, 0.64, 0.38)


def write_drawing(path: Path, pixels: Pixels, detections: Detections, classes: Sequence[str]) -> None:
    """Write `drawn` to an image file of the kind that the suffix names, atomically.

    Raises VistryError for a suffix that is no image's, and RunError where the file can't be written.
    """
    kind = Image.registered_extensions().get(path.suffix.lower())
    if kind not in Image.SAVE:
        raise VistryError(f"{path}: '{path.suffix}' is no image format that can be written; use .jpg or .png")
    picture = drawn(pixels, detections, classes)
    with replacing(path) as temporary:
        picture.save(temporary, kind, quality=92)


def drawn(pixels: Pixels, detections: Detections, classes: Sequence[str]) -> Image.Image:
    """The image [H, W, 3] uint8 RGB with its detections, the surest on top.

    Lines and text grow with the image. One whose longer side is under SMALLEST_SIDE is enlarged by a whole number, so
    that there is room for them.
    """
    factor = math.ceil(SMALLEST_SIDE / max(pixels.shape[:2]))
    canvas = pixels.repeat(factor, axis=0).repeat(factor, axis=1)
    stroke = max(2, round(max(canvas.shape[:2]) / STROKES_PER_SIDE))
    windows = [_enlarged(rle_to_window(mask), factor) for mask in detections.masks or ()]
    surest_last = np.argsort(detections.scores, kind="stable").tolist()
    colours = [colour_of(label) for label in detections.labels.tolist()]
    boxes: list[Box] = [tuple(box) for box in (detections.boxes * factor).tolist()]
    if windows:
        for index in surest_last:
            _shade(canvas, windows[index], colours[index])
    picture = Image.fromarray(canvas)
    draw = ImageDraw.Draw(picture)
    for index in surest_last:
        if windows:
            _trace(draw, windows[index], colours[index], max(1, stroke // 2))
        _frame(draw, boxes[index], colours[index], stroke)
    texts = [
        f"{classes[label]}  {score:.2f}"
        for label, score in zip(detections.labels.tolist(), detections.scores.tolist(), strict=True)
    ]
    write_labels(picture, [Label(texts[index], boxes[index], colours[index]) for index in reversed(surest_last)])
    return picture


def colour_of(label: int) -> Colour:
    """The colour of a class: always the same, and far from those of the classes before it.

    Hues follow each other at the golden section of the circle, which keeps any number of them apart.
    """
    hue = (0.02 + label * GOLDEN_SECTION) % 1
    lightness = LIGHTNESSES[label // 5 % len(LIGHTNESSES)]
    red, green, blue = colorsys.hls_to_rgb(hue, lightness, 0.9)
    return round(255 * red), round(255 * green), round(255 * blue)


def _enlarged(window: Window, factor: int) -> Window:
    inside, (left, top) = window
    return inside.repeat(factor, axis=0).repeat(factor, axis=1), (left * factor, top * factor)


def _shade(canvas: Pixels, window: Window, colour: Colour) -> None:
    inside, (left, top) = window
    part = canvas[top : top + inside.shape[0], left : left + inside.shape[1]]
    part[inside] = np.rint((1 - MASK_OPACITY) * part[inside] + MASK_OPACITY * np.array(colour))


def _trace(draw: ImageDraw.ImageDraw, window: Window, colour: Colour, stroke: int) -> None:
    inside, corner = window
    for ring in mask_to_outlines(inside):
        closed = np.append(ring, ring[:2], axis=0) + corner
        draw.line(closed.reshape(-1).tolist(), fill=colour, width=stroke)


def _frame(draw: ImageDraw.ImageDraw, box: Box, colour: Colour, stroke: int) -> None:
    x1, y1 = round(box[0]), round(box[1])
    x2, y2 = max(x1, round(box[2]) - 1), max(y1, round(box[3]) - 1)
    draw.rectangle((x1 - 1, y1 - 1, x2 + 1, y2 + 1), outline=ink_on(colour))
    draw.rectangle((x1, y1, x2, y2), outline=colour, width=stroke)
