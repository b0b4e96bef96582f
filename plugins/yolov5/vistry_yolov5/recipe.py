"""What is random in training: four images in a mosaic, its size and place, its colours, left and right.

The steps and their constants are those of docs/reference/yolov5.md, 7; mosaic is that of Bochkovskiy et al., YOLOv4,
2020, section 3.4. As nothing is rotated or sheared, an affine map takes the rectangle of each image to a rectangle. So
each goes straight from its pixels to where it is seen, and a canvas four times as large is neither drawn nor resampled.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image
from vistry.loading.detection.sample import Boxes, DetectionSample, Flags
from vistry.plugin import Pixels

from vistry_yolov5.letterbox import GREY, margins

MOSAIC = 4
# Where the four images meet, in sides of the output, on a canvas of two.
CENTRE = (0.5, 1.5)
SCALE = (0.5, 1.5)
TRANSLATE = (0.4, 0.6)
HUE, SATURATION, VALUE = 0.015, 0.7, 0.4
FLIP = 0.5
# A box is kept that is wider and higher than this, has more than this of its area, and less than this aspect.
LEAST_SIDE, LEAST_AREA, MOST_ASPECT = 2, 0.2, 20
# Colours are changed a few rows at a time: so many pixels that the working arrays stay in the processor's cache.
PIXELS_AT_ONCE = 1 << 15

Recolour = Callable[[Pixels], Pixels]


class Affine(NamedTuple):
    """How much larger the canvas is seen, and where in the output, in pixels, its middle is."""

    scale: float
    x: float
    y: float


class Colours(NamedTuple):
    """By what hue, saturation and value are multiplied."""

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
        """What both cover; empty where `right` isn't beyond `left` or `bottom` not below `top`."""
        return Rectangle(*map(max, self[:2], other[:2]), *map(min, self[2:], other[2:]))

    @property
    def empty(self) -> bool:
        """Whether there is no pixel in it."""
        return self.right <= self.left or self.bottom <= self.top


@dataclass(frozen=True)
class Scene:
    """Where on the output, a square, each of the images is, and which part of it the canvas covers."""

    side: int
    places: Sequence[Rectangle]
    canvas: Rectangle


def training_sample(
    sources: Sequence[DetectionSample], side: int, random: np.random.Generator, augment: bool
) -> DetectionSample:
    """A square of `side` pixels of four sources in a mosaic, or of one in its middle.

    `sources`: images whose longer side is `side`. Without `augment` only where the four meet is random.
    """
    sizes = [(source.width, source.height) for source in sources]
    centre = random.uniform(*CENTRE, 2) * side if len(sources) == MOSAIC else None
    affine = Affine(1.0, side / 2, side / 2)
    if augment:
        affine = Affine(random.uniform(*SCALE), *(random.uniform(*TRANSLATE, 2) * side).tolist())
    scene = single_scene(sizes[0], side, affine) if centre is None else mosaic_scene(sizes, side, centre, affine)
    if not augment:
        return drawn(sources, scene)
    gains = random.uniform(-1, 1, 3) * (HUE, SATURATION, VALUE)
    sample = drawn(sources, scene, Colours(*(1 + gains).tolist()))
    return sample.flip() if random.random() < FLIP else sample


def mosaic_scene(sizes: Sequence[tuple[int, int]], side: int, centre: npt.NDArray[np.float64], affine: Affine) -> Scene:
    """Four images of these widths and heights around `centre`, [2], on a canvas of twice the side: upper left first."""
    x, y = _seen(centre[0], 2 * side, affine.scale, affine.x), _seen(centre[1], 2 * side, affine.scale, affine.y)
    places = []
    for place, size in enumerate(sizes):
        width, height = _scaled(size, affine.scale)
        left = x if place % 2 else x - width
        top = y if place // 2 else y - height
        places.append(Rectangle(left, top, left + width, top + height))
    return Scene(side, places, _canvas(2 * side, affine))


def single_scene(size: tuple[int, int], side: int, affine: Affine) -> Scene:
    """One image of this width and height in the middle of a canvas of the output's size."""
    left, top = margins(*size, side)
    x, y = _seen(left, side, affine.scale, affine.x), _seen(top, side, affine.scale, affine.y)
    width, height = _scaled(size, affine.scale)
    return Scene(side, [Rectangle(x, y, x + width, y + height)], _canvas(side, affine))


def drawn(sources: Sequence[DetectionSample], scene: Scene, colours: Colours | None = None) -> DetectionSample:
    """The images in their places on grey, with what is seen of their objects; masks are left out."""
    recolour = _as_they_are if colours is None else colours_changed(colours)
    # Grey has no hue and no saturation, so its channels stay equal.
    grey = recolour(np.full((1, 1, 3), GREY, dtype=np.uint8))[0, 0, 0]
    pixels = np.full((scene.side, scene.side, 3), grey, dtype=np.uint8)
    seen = [_Objects.none()]
    visible = scene.canvas.within(Rectangle(0, 0, scene.side, scene.side))
    for source, place in zip(sources, scene.places, strict=True):
        window = place.within(visible)
        if not window.empty:
            left, top, right, bottom = window
            pixels[top:bottom, left:right] = recolour(_resized(source.pixels, place, window))
            seen.append(_moved(source, place, window))
    return DetectionSample(pixels, *(np.concatenate(column) for column in zip(*seen, strict=True)))


def colours_changed(colours: Colours) -> Recolour:
    """What multiplies hue (turning it on beyond red), saturation and value (both stay in range) of RGB pixels."""

    def work(pixels: Pixels) -> Pixels:
        flat = pixels.reshape(-1, 3)
        changed = np.empty_like(flat)
        for start in range(0, len(flat), PIXELS_AT_ONCE):
            some = np.s_[start : start + PIXELS_AT_ONCE]
            changed[some] = _recoloured(flat[some], colours)
        return changed.reshape(pixels.shape)

    return work


class _Objects(NamedTuple):
    boxes: Boxes
    labels: npt.NDArray[np.int64]
    crowd: Flags

    @staticmethod
    def none() -> _Objects:
        return _Objects(np.zeros((0, 4), np.float32), np.zeros(0, np.int64), np.zeros(0, bool))


def _seen(position: float, canvas: int, scale: float, middle: float) -> int:
    """Where in the output something on the canvas is, to the pixel, so that neighbours share an edge."""
    return round(scale * (position - canvas / 2) + middle)


def _scaled(size: tuple[int, int], scale: float) -> tuple[int, int]:
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def _canvas(side: int, affine: Affine) -> Rectangle:
    left, right = (_seen(edge, side, affine.scale, affine.x) for edge in (0, side))
    top, bottom = (_seen(edge, side, affine.scale, affine.y) for edge in (0, side))
    return Rectangle(left, top, right, bottom)


def _as_they_are(pixels: Pixels) -> Pixels:
    return pixels


def _resized(pixels: Pixels, place: Rectangle, window: Rectangle) -> Pixels:
    """The pixels of a window, when the image fills `place`: bilinear, with antialiasing where it becomes smaller."""
    height, width, _ = pixels.shape
    across, down = width / (place.right - place.left), height / (place.bottom - place.top)
    left, right = ((edge - place.left) * across for edge in (window.left, window.right))
    top, bottom = ((edge - place.top) * down for edge in (window.top, window.bottom))
    size = window.right - window.left, window.bottom - window.top
    box = (left, top, min(right, width), min(bottom, height))
    return np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.BILINEAR, box=box))


def _moved(source: DetectionSample, place: Rectangle, window: Rectangle) -> _Objects:
    """The objects of which enough is seen in the window, when the image fills `place`."""
    size = np.array([place.right - place.left, place.bottom - place.top] * 2, dtype=np.float64)
    boxes = source.boxes * (size / ([source.width, source.height] * 2)) + ([place.left, place.top] * 2)
    clipped = np.clip(boxes, window[:2] * 2, window[2:] * 2)
    sides = clipped[:, 2:] - clipped[:, :2]
    areas = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)
    kept = (sides > LEAST_SIDE).all(axis=1) & (sides.prod(axis=1) > LEAST_AREA * areas)
    kept &= sides.max(axis=1) < MOST_ASPECT * sides.min(axis=1)
    return _Objects(clipped[kept].astype(np.float32), source.labels[kept], source.crowd[kept])


def _recoloured(pixels: Pixels, colours: Colours) -> Pixels:
    """[P, 3] RGB with its colours changed, through HSV (Smith, Color Gamut Transform Pairs, 1978) without rounding.

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
    """How far hues in [0, 9] are from a channel's own on their circle of 6; beyond 2, some number beyond 2."""
    np.subtract(hue, own + 3, out=out)
    np.abs(out, out=out)
    out -= 3
    np.abs(out, out=out)
