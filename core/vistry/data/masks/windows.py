"""Masks of objects as the part of the image they lie in, to run lengths of the whole image and back."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from vistry.data.masks.rle import Mask, box_of_runs, runs_to_text, text_to_runs
from vistry.evaluation.detection.types import Rle

Window = tuple[Mask, tuple[int, int]]
"""[h, w] bool, and the left and top pixel of the image where it lies."""


def window_to_rle(window: Window, width: int, height: int) -> Rle:
    """COCO's compressed run lengths of an image that is empty but for a window within it."""
    inside, (left, top) = window
    rows, columns = inside.shape
    changes = np.zeros((rows + 1, columns), dtype=bool)
    changes[:rows] = inside
    changes[1:] ^= inside
    y, x = np.divmod(np.flatnonzero(changes), max(columns, 1))
    starts_and_ends = np.sort((left + x) * height + top + y)
    if rows == height:
        starts_and_ends = _without_pairs(starts_and_ends)
    area = width * height
    if len(starts_and_ends) and starts_and_ends[-1] == area:
        starts_and_ends = starts_and_ends[:-1]
    runs = np.diff(starts_and_ends, prepend=0, append=area)
    return {"size": [height, width], "counts": runs_to_text(runs.astype(np.uint32)).encode("ascii")}


def mask_to_rle(mask: Mask) -> Rle:
    """COCO's compressed run lengths of a mask [H, W] bool of the whole image."""
    return window_to_rle((mask, (0, 0)), width=mask.shape[1], height=mask.shape[0])


def rle_to_window(mask: Rle) -> Window:
    """The smallest window that holds what is inside; [0, 0] where nothing is."""
    height = int(mask["size"][0])
    runs = text_to_runs(mask["counts"].decode("ascii"))
    left, top, right, bottom = (int(edge) for edge in box_of_runs(runs, height))
    ends = np.clip(np.cumsum(runs, dtype=np.int64), left * height, right * height)
    inside = np.repeat(np.arange(len(runs)) % 2 == 1, np.diff(ends, prepend=left * height))
    return inside.reshape(right - left, height)[:, top:bottom].T, (left, top)


def _without_pairs(places: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Drop places that occur twice: where one column ends inside and the next one begins inside, no run ends."""
    every, times = np.unique(places, return_counts=True)
    once: npt.NDArray[np.int64] = every[times == 1]
    return once
