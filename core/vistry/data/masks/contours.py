"""A mask as polygons along the edges of its pixels, which filled with the even-odd rule give the mask again."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from vistry.data.masks.rle import Mask

Outline = npt.NDArray[np.float64]


def mask_to_outlines(mask: Mask) -> list[Outline]:
    """The closed outlines of a mask [H, W], holes among them, each [P, 2] of x and y at the corners of pixels.

    A corner is where an odd number of the four pixels around it is inside, or two that face each other. In each row and
    in each column of corners, the first is joined to the second, the third to the fourth, and so on.
    """
    padded = np.pad(np.asarray(mask, dtype=np.int8), 1)
    a, b, c, d = padded[:-1, :-1], padded[:-1, 1:], padded[1:, :-1], padded[1:, 1:]
    times = (a ^ b ^ c ^ d) + 2 * ((a == d) & (b == c) & (a != b))
    y, x = np.nonzero(times)
    repeats = times[y, x]
    y, x = np.repeat(y, repeats), np.repeat(x, repeats)
    return _rings(x, y, _joined(np.lexsort((x, y))), down=_joined(np.lexsort((y, x))))


def _joined(order: npt.NDArray[np.int64]) -> list[int]:
    """For each corner the one it is joined to: the first and second in this order, the third and fourth, ..."""
    partner = np.empty(len(order), dtype=np.int64)
    partner[order[0::2]], partner[order[1::2]] = order[1::2], order[0::2]
    joined: list[int] = partner.tolist()
    return joined


def _rings(x: npt.NDArray[np.int64], y: npt.NDArray[np.int64], across: list[int], down: list[int]) -> list[Outline]:
    """Follow the corners, across and down in turn, until each ring is closed."""
    corners = np.stack([x, y], axis=1).astype(np.float64)
    waiting = [True] * len(corners)
    rings = []
    for start in range(len(corners)):
        ring, at = [], start
        while waiting[at]:
            beside = across[at]
            waiting[at] = waiting[beside] = False
            ring += [at, beside]
            at = down[beside]
        if ring:
            rings.append(corners[ring])
    return rings
