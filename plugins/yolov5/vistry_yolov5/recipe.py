"""The augmentation of training: a mosaic of four images, scaled, moved, recoloured and flipped at random.

The steps and their constants are those of docs/reference/yolov5.md, 7; mosaic is that of Bochkovskiy et al., YOLOv4,
2020, section 3.4. As nothing is rotated or sheared, an affine map takes the rectangle of each image to a rectangle. So
each is resized straight to its place in the output; a canvas four times as large is neither drawn nor resampled.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image
from vistry.plugin import Pixels
from vistry.plugin.detection import Boxes, DetectionSample, Flags, Labels

from vistry_yolov5.letterbox import GREY, margins

MOSAIC = 4
# Where the four images meet, in sides of the output, on a canvas of two.
CENTRE = (0.5, 1.5)
SCALE = (0.5, 1.5)
TRANSLATE = (0.4, 0.6)
HUE, SATURATION, VALUE = 0.015, 0.7, 0.4
FLIP = 0.5
# A box stays if it is wider and higher than this, if more than this share of its area is left, and below this aspect.
MIN_SIDE, MIN_AREA_SHARE, MAX_ASPECT = 2, 0.2, 20
# Colours are changed a few rows at a time: so many pixels that the working arrays stay in the processor's cache.
PIXELS_AT_ONCE = 1 << 15

Recolour = Callable[[Pixels], Pixels]


class Affine(NamedTuple):
    """The scale of the canvas, and where in the output, in pixels, its middle is."""

    scale: float
    x: float
    y: float


class Colours(NamedTuple):
    """Factors of hue, saturation and value."""

    hue: float = 1.0
    saturation: float = 1.0
    value: float = 1.0


class Rectangle(NamedTuple):
    """A part of the output in whole pixels; it may reach out of it."""

    left: int
    top: int
    right: int
    bottom: int

    def within(self, other: Rectangle) -> Rectangle:
        """Return the intersection of both, which may be empty."""
        return Rectangle(*map(max, self[:2], other[:2]), *map(min, self[2:], other[2:]))

    @property
    def empty(self) -> bool:
        """Whether it covers no pixel."""
        return self.right <= self.left or self.bottom <= self.top


@dataclass(frozen=True)
class Scene:
    """The place of each image in the output, a square, and the part of the output that the canvas covers."""

    side: int
    places: Sequence[Rectangle]
    canvas: Rectangle


def training_sample(
    sources: Sequence[DetectionSample], side: int, random: np.random.Generator, augment: bool
) -> DetectionSample:
    """Return a square of `side` pixels: a mosaic of four sources, or a single one in its middle.

    `sources`: images whose longer side is `side`. Without `augment`, only the point where the four meet is random.
    """
    sizes = [(source.width, source.height) for source in sources]
    centre = random.uniform(*CENTRE, 2) * side if len(sources) == MOSAIC else None
    affine = Affine(1.0, side / 2, side / 2)
    if augment:
        affine = Affine(random.uniform(*SCALE), *(random.uniform(*TRANSLATE, 2) * side).tolist())
    scene = single_scene(sizes[0], side, affine) if centre is None else mosaic_scene(sizes, side, centre, affine)
    if not augment:
        return draw_scene(sources, scene)
    gains = random.uniform(-1, 1, 3) * (HUE, SATURATION, VALUE)
    sample = draw_scene(sources, scene, Colours(*(1 + gains).tolist()))
    return sample.flip() if random.random() < FLIP else sample


def mosaic_scene(sizes: Sequence[tuple[int, int]], side: int, centre: npt.NDArray[np.float64], affine: Affine) -> Scene:
    """Place four images of these widths and heights around `centre` [2], the upper left first.

    The canvas has twice the side of the output.
    """
    x = _in_output(centre[0], 2 * side, affine.scale, affine.x)
    y = _in_output(centre[1], 2 * side, affine.scale, affine.y)
    places = []
    for place, size in enumerate(sizes):
        width, height = _scaled_size(size, affine.scale)
        left = x if place % 2 else x - width
        top = y if place // 2 else y - height
        places.append(Rectangle(left, top, left + width, top + height))
    return Scene(side, places, _canvas(2 * side, affine))


def single_scene(size: tuple[int, int], side: int, affine: Affine) -> Scene:
    """Place one image of this width and height in the middle of a canvas of the output's size."""
    left, top = margins(*size, side)
    x, y = _in_output(left, side, affine.scale, affine.x), _in_output(top, side, affine.scale, affine.y)
    width, height = _scaled_size(size, affine.scale)
    return Scene(side, [Rectangle(x, y, x + width, y + height)], _canvas(side, affine))


def draw_scene(sources: Sequence[DetectionSample], scene: Scene, colours: Colours | None = None) -> DetectionSample:
    """Draw the images in their places on grey, with the visible parts of their objects; masks are left out."""
    recolour = _unchanged if colours is None else colour_change(colours)
    # Grey has no hue and no saturation, so its channels stay equal.
    grey = recolour(np.full((1, 1, 3), GREY, dtype=np.uint8))[0, 0, 0]
    pixels = np.full((scene.side, scene.side, 3), grey, dtype=np.uint8)
    objects = [_Objects.none()]
    visible = scene.canvas.within(Rectangle(0, 0, scene.side, scene.side))
    for source, place in zip(sources, scene.places, strict=True):
        window = place.within(visible)
        if not window.empty:
            left, top, right, bottom = window
            pixels[top:bottom, left:right] = recolour(_resize_window(source.pixels, place, window))
            objects.append(_visible_objects(source, place, window))
    return DetectionSample(pixels, *(np.concatenate(column) for column in zip(*objects, strict=True)))


def colour_change(colours: Colours) -> Recolour:
    """Return a function that multiplies hue, which wraps around, and saturation and value, which are clipped."""

    def work(pixels: Pixels) -> Pixels:
        flat = pixels.reshape(-1, 3)
        changed = np.empty_like(flat)
        for start in range(0, len(flat), PIXELS_AT_ONCE):
            some = np.s_[start : start + PIXELS_AT_ONCE]
            changed[some] = _change_colours(flat[some], colours)
        return changed.reshape(pixels.shape)

    return work


class _Objects(NamedTuple):
    boxes: Boxes
    labels: Labels
    crowd: Flags

    @staticmethod
    def none() -> _Objects:
        return _Objects(np.zeros((0, 4), np.float32), np.zeros(0, np.int64), np.zeros(0, bool))


def _in_output(position: float, canvas: int, scale: float, middle: float) -> int:
    """Return the output's coordinate of a position on the canvas, rounded so that neighbours share an edge."""
    return round(scale * (position - canvas / 2) + middle)


def _scaled_size(size: tuple[int, int], scale: float) -> tuple[int, int]:
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def _canvas(side: int, affine: Affine) -> Rectangle:
    left, right = (_in_output(edge, side, affine.scale, affine.x) for edge in (0, side))
    top, bottom = (_in_output(edge, side, affine.scale, affine.y) for edge in (0, side))
    return Rectangle(left, top, right, bottom)


def _unchanged(pixels: Pixels) -> Pixels:
    return pixels


def _resize_window(pixels: Pixels, place: Rectangle, window: Rectangle) -> Pixels:
    """Resize an image to fill `place`, and return the pixels of a window: bilinear, with antialiasing."""
    height, width, _ = pixels.shape
    across, down = width / (place.right - place.left), height / (place.bottom - place.top)
    left, right = ((edge - place.left) * across for edge in (window.left, window.right))
    top, bottom = ((edge - place.top) * down for edge in (window.top, window.bottom))
    size = window.right - window.left, window.bottom - window.top
    box = (left, top, min(right, width), min(bottom, height))
    return np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.BILINEAR, box=box))


def _visible_objects(source: DetectionSample, place: Rectangle, window: Rectangle) -> _Objects:
    """Return the objects of which enough is visible in the window, when the image fills `place`."""
    size = np.array([place.right - place.left, place.bottom - place.top] * 2, dtype=np.float64)
    boxes = source.boxes * (size / ([source.width, source.height] * 2)) + ([place.left, place.top] * 2)
    clipped = np.clip(boxes, window[:2] * 2, window[2:] * 2)
    sides = clipped[:, 2:] - clipped[:, :2]
    areas = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)
    visible = (sides > MIN_SIDE).all(axis=1) & (sides.prod(axis=1) > MIN_AREA_SHARE * areas)
    visible &= sides.max(axis=1) < MAX_ASPECT * sides.min(axis=1)
    return _Objects(clipped[visible].astype(np.float32), source.labels[visible], source.crowd[visible])


def _change_colours(pixels: Pixels, colours: Colours) -> Pixels:
    """Change the colours of RGB pixels [P, 3] through HSV (Smith, Color Gamut Transform Pairs, 1978) without rounding.

    Hue is in sixths of the circle, from red. Back in RGB a channel is value - chroma * t, where t is 0 for a hue within
    a sixth of the channel's own, 1 for one beyond a third, and linear between.
    """
    red, green, blue = np.ascontiguousarray(pixels.T, dtype=np.float32)
    value = np.maximum(np.maximum(red, green), blue)
    chroma = value - np.minimum(np.minimum(red, green), blue)
    hue = np.where(
        value == red, green - blue, np.where(value == green, blue - red + 2 * chroma, red - green + 4 * chroma)
    )
    hue /= np.maximum(chroma, 1)
    hue += 6 * (hue < 0)
    hue *= colours.hue
    brighter = np.minimum(value * colours.value, 255)
    chroma = brighter * np.minimum(colours.saturation * chroma / np.maximum(value, 1), 1)
    changed = np.empty((3, len(pixels)), dtype=np.float32)
    for channel, own in zip(changed, (0, 2, 4), strict=True):
        _distance(hue, own, out=channel)
        channel -= 1
        np.clip(channel, 0, 1, out=channel)
        channel *= chroma
        np.subtract(brighter, channel, out=channel)
    return np.rint(changed, out=changed).astype(np.uint8).T


def _distance(hue: npt.NDArray[np.float32], own: int, out: npt.NDArray[np.float32]) -> None:
    """Write the distance of hues in [0, 9] from a channel's own on their circle of 6; above 2 it isn't exact."""
    np.subtract(hue, own + 3, out=out)
    np.abs(out, out=out)
    out -= 3
    np.abs(out, out=out)
