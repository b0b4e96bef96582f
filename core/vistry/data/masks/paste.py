"""The masks that a Mask R-CNN predicts in its boxes, as masks in the image.

The arithmetic is that of torchvision's `paste_masks_in_image` in float32 on a processor, to the last bit, so that each
pixel falls on the same side of the threshold; but only pixels of the box are computed, and they are kept as bool.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vistry.data.masks.windows import Window, window_to_rle
from vistry.evaluation.detection.types import Rle

Values = npt.NDArray[np.float32]
# torchvision pads a mask by a pixel of 0, so that it fades out beyond the box's edge.
PADDING = 1
# Above this width and height together torch interpolates across and down in turn, which rounds otherwise.
SMALL = 128


def run_lengths(mask: Values, box: Values, width: int, height: int, threshold: float) -> Rle:
    """COCO's run lengths in the whole image of a predicted mask, see `paste`."""
    return window_to_rle(paste(mask, box, width=width, height=height, threshold=threshold), width, height)


def paste(mask: Values, box: Values, width: int, height: int, threshold: float) -> Window:
    """Where a mask [M, M] of probabilities, stretched over its box, is above the threshold.

    `box` [4] float32 x1, y1, x2, y2 is in pixels of an image of this width and height. The window is the part of the
    box that is within the image; [0, 0] where no part is.
    """
    padded = np.zeros([side + 2 * PADDING for side in mask.shape], dtype=np.float32)
    padded[PADDING:-PADDING, PADDING:-PADDING] = mask
    (left, top), (right, bottom) = _corners(box, len(padded) / len(mask))
    stretched = max(right - left, 1), max(bottom - top, 1)
    x1, y1, x2, y2 = max(left, 0), max(top, 0), min(right, width), min(bottom, height)
    if x1 >= x2 or y1 >= y2:
        return np.zeros((0, 0), dtype=bool), (0, 0)
    across = _between(len(padded), stretched[0], first=x1 - left, last=x2 - left)
    down = _between(len(padded), stretched[1], first=y1 - top, last=y2 - top)
    interpolated = _by_four if sum(stretched) <= SMALL else _by_two
    return interpolated(padded, across, down) > np.float32(threshold), (x1, y1)


def _corners(box: Values, scale: float) -> list[list[int]]:
    """Of a box made larger by `scale`, the first pixel and the one behind the last, each as x and y."""
    box = np.asarray(box, dtype=np.float32)
    half = (box[2:] - box[:2]) * np.float32(0.5) * np.float32(scale)
    centre = (box[2:] + box[:2]) * np.float32(0.5)
    first, last = (centre - half).astype(np.int64), (centre + half).astype(np.int64)
    return [first.tolist(), (last + 1).tolist()]


@dataclass(frozen=True)
class _Between:
    """Places between neighbouring values: the index of both, and how much each of them counts, in float32."""

    low: npt.NDArray[np.int64]
    high: npt.NDArray[np.int64]
    low_weight: Values
    high_weight: Values


def _between(count: int, length: int, first: int, last: int) -> _Between:
    """The pixels `first` up to `last` of `length` pixels over which `count` values are stretched."""
    scale = np.float32(count) / np.float32(length)
    places = _fused(np.arange(first, last, dtype=np.float32) + np.float32(0.5), scale, np.float32(-0.5)).clip(0)
    low = places.astype(np.int64).clip(max=count - 1)
    high_weight = (places - low.astype(np.float32)).clip(0, 1)
    return _Between(low, (low + 1).clip(max=count - 1), 1 - high_weight, high_weight=high_weight)


def _by_two(values: Values, across: _Between, down: _Between) -> Values:
    """[h, w]: between the columns, then between the rows."""
    high = values[:, across.high] * across.high_weight
    rows = _fused(values[:, across.low], across.low_weight, high)
    low_weight, high_weight = down.low_weight[:, None], down.high_weight[:, None]
    return _fused(rows[down.low], low_weight, rows[down.high] * high_weight)


def _by_four(values: Values, across: _Between, down: _Between) -> Values:
    """[h, w]: the four values around each pixel at once, which torch does where width and height are SMALL together."""
    above, below = values[down.low], values[down.high]
    low_weight, high_weight = down.low_weight[:, None], down.high_weight[:, None]
    total = above[:, across.high] * (low_weight * across.high_weight)
    total = _fused(above[:, across.low], low_weight * across.low_weight, total)
    total = _fused(below[:, across.low], high_weight * across.low_weight, total)
    return _fused(below[:, across.high], high_weight * across.high_weight, total)


def _fused(factor: Values, other: Values | np.float32, summand: Values | np.float32) -> Values:
    """`factor * other + summand`, rounded once: the processor's fused multiply-add, which numpy doesn't have.

    In float64 the product of two float32 is exact.
    """
    return (factor.astype(np.float64) * other + summand).astype(np.float32)
