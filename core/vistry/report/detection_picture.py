"""Part of an image with boxes and masks drawn on it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from vistry.data.images.decode import load_image
from vistry.errors import VistryError
from vistry.report.thumbnail import SIDE, Thumbnail, jpeg

COLOURS = {"true": (47, 111, 222), "predicted": (221, 75, 31)}
# Around each line, so that it can be seen on ground of its own colour.
HALO = (255, 255, 255)
MASK_OPACITY = 0.45
# The side of the region in longer sides of the box, and its least size in pixels of the image.
CONTEXT = 2.0
SMALLEST_REGION = 48

Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Outline:
    """A box x1, y1, x2, y2 in pixels of the upright image, "true" or "predicted", and its mask [H, W] if it has one."""

    box: Box
    kind: str
    mask: npt.NDArray[np.bool_] | None = None


def object_picture(path: str, focus: Box, outlines: Sequence[Outline]) -> Thumbnail | None:
    """Draw the outlines, the first one bold, on the square around `focus`; None if the image file can't be read."""
    try:
        image = load_image(path)
    except (VistryError, OSError, ValueError):
        return None
    region = _region(focus, image.size)
    picture = _cut(image, region)
    for outline in outlines:
        if outline.mask is not None:
            _shade(picture, outline, region)
    # The first outline is drawn last, so that no other covers it.
    for index, outline in reversed(list(enumerate(outlines))):
        _draw(picture, outline, region, width=4 if index == 0 else 2)
    return jpeg(picture)


def _region(focus: Box, size: tuple[int, int]) -> tuple[int, int, int, int]:
    """Return left, top, right, bottom of a square around the focus, moved into the image as far as it fits."""
    x1, y1, x2, y2 = focus
    preferred = max(SMALLEST_REGION, CONTEXT * max(x2 - x1, y2 - y1))
    side = math.ceil(min(preferred, max(size)))
    left, top = (
        _start((low + high) / 2, side, whole) for low, high, whole in zip((x1, y1), (x2, y2), size, strict=True)
    )
    return left, top, left + side, top + side


def _start(middle: float, side: int, whole: int) -> int:
    if side >= whole:
        return (whole - side) // 2
    return min(max(0, round(middle - side / 2)), whole - side)


def _cut(image: Image.Image, region: tuple[int, int, int, int]) -> Image.Image:
    return image.crop(region).resize((SIDE, SIDE), Image.Resampling.BICUBIC)


def _shade(picture: Image.Image, outline: Outline, region: tuple[int, int, int, int]) -> None:
    inside = _cut(Image.fromarray(np.asarray(outline.mask, np.uint8) * round(255 * MASK_OPACITY)), region)
    picture.paste(COLOURS[outline.kind], (0, 0), inside)


def _draw(picture: Image.Image, outline: Outline, region: tuple[int, int, int, int], width: int) -> None:
    left, top, right, _ = region
    scale = SIDE / (right - left)
    x1, y1, x2, y2 = outline.box
    corners = [(x1 - left) * scale, (y1 - top) * scale, (x2 - left) * scale - 1, (y2 - top) * scale - 1]
    corners[2:] = [max(low, high) for low, high in zip(corners[:2], corners[2:], strict=True)]
    halo = [corners[0] - 1, corners[1] - 1, corners[2] + 1, corners[3] + 1]
    draw = ImageDraw.Draw(picture)
    draw.rectangle(halo, outline=HALO)
    draw.rectangle(corners, outline=COLOURS[outline.kind], width=width)
