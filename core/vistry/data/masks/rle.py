"""Masks of objects: from rings or run lengths to pixels of the upright image, and back.

Run lengths are COCO's: down the columns, alternately outside and inside, the first outside. Rings are filled by
pycocotools, so that a mask here is the mask that the COCO metrics mean.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from vistry.data.table import Table
from vistry.errors import DataError

Mask = npt.NDArray[np.bool_]
Runs = npt.NDArray[np.uint32]
Ring = npt.NDArray[np.floating]


def object_mask(table: Table, index: int, width: int, height: int) -> Mask:
    """[H, W] bool: the mask of the object `index` of a table's labels, on an image of this size in pixels.

    Raises DataError where the table has no masks.
    """
    shapes = None if table.objects is None else table.objects.shapes
    if shapes is None:
        raise DataError(f"{table.root}: the data was read without masks; read it for segmentation")
    runs = shapes.runs_of(index)
    if len(runs):
        return runs_to_mask(runs, int(shapes.run_heights[index]))
    return rings_to_mask(shapes.rings_of(index), width, height, even_odd=shapes.even_odd)


def rings_to_mask(rings: Sequence[Ring], width: int, height: int, *, even_odd: bool = False) -> Mask:
    """[H, W] bool inside rings [P, 2] of x and y; where they overlap they add up, or with `even_odd` cancel out."""
    if not rings:
        return np.zeros((height, width), dtype=bool)
    flat = [ring.astype(np.float64).reshape(-1).tolist() for ring in rings]
    coded = _pycocotools().frPyObjects(flat, height, width)
    layers = [runs_to_mask(text_to_runs(layer["counts"].decode()), height) for layer in coded]
    together = np.logical_xor if even_odd else np.logical_or
    filled: Mask = together.reduce(layers)
    return filled


def runs_to_mask(runs: Runs, height: int) -> Mask:
    """[H, W] bool from run lengths of a mask of this height."""
    pixels = np.repeat(np.arange(len(runs)) % 2 == 1, runs)
    return pixels.reshape(-1, height).T


def mask_to_runs(mask: Mask) -> Runs:
    """The run lengths of a mask [H, W]."""
    pixels = np.asarray(mask, dtype=bool).reshape(-1, order="F")
    changes = np.flatnonzero(np.diff(pixels, prepend=False))
    return np.diff(changes, prepend=0, append=len(pixels)).astype(np.uint32)


def box_of_runs(runs: Runs, height: int) -> tuple[float, float, float, float]:
    """Left, top, right and bottom edge of what is inside; zeros where nothing is."""
    ends = np.cumsum(runs, dtype=np.int64)
    first, last = ends[0::2][: len(ends) // 2], ends[1::2] - 1
    filled = last >= first
    if not filled.any():
        return 0.0, 0.0, 0.0, 0.0
    first, last = first[filled], last[filled]
    left, right = first[0] // height, last[-1] // height
    # A run that goes on in the next column fills the bottom of one and the top of the other.
    if np.any(first // height != last // height):
        return float(left), 0.0, float(right + 1), float(height)
    return float(left), float((first % height).min()), float(right + 1), float((last % height).max() + 1)


def area_of_runs(runs: Runs) -> int:
    """How many pixels are inside."""
    return int(runs[1::2].sum(dtype=np.int64))


def text_to_runs(text: str) -> Runs:
    """The run lengths in COCO's compressed text. Raises ValueError for an invalid one.

    Each number is written in groups of five bits, the lowest first, as characters from '0'; the sixth bit says that
    another group follows. From the fourth number on, what is written is the difference to the number two before.
    """
    if not text.isascii():
        raise ValueError("invalid character in a COCO RLE string")
    groups = np.frombuffer(text.encode(), dtype=np.uint8).astype(np.int64) - 48
    if np.any((groups < 0) | (groups > 63)) or (len(groups) and groups[-1] & 32):
        raise ValueError("invalid character in a COCO RLE string")
    ends = np.flatnonzero((groups & 32) == 0)
    if not len(ends):
        return np.zeros(0, dtype=np.uint32)
    starts = np.concatenate(([0], ends[:-1] + 1))
    places = np.arange(len(groups)) - np.repeat(starts, ends - starts + 1)
    # Eight groups of five bits; a ninth would shift beyond what fits in 64 bits with room for the differences.
    if places.max() > 7:
        raise ValueError("invalid run length in a COCO RLE string: more than 40 bits")
    numbers = np.add.reduceat((groups & 31) << (5 * places), starts)
    numbers -= np.where(groups[ends] & 16, 1 << (5 * (ends - starts + 1)), 0)
    for parity in (1, 2):
        numbers[parity::2] = np.cumsum(numbers[parity::2])
    if np.any(numbers < 0) or np.any(numbers > 0xFFFFFFFF):
        raise ValueError("invalid run length in a COCO RLE string: below 0 or over 32 bits")
    return numbers.astype(np.uint32)


def runs_to_text(runs: Runs) -> str:
    """COCO's compressed text of run lengths, see `text_to_runs`."""
    text = bytearray()
    values = runs.astype(np.int64).tolist()
    for position, value in enumerate(values):
        number = value - values[position - 2] if position > 2 else value
        while True:
            group, number = number & 31, number >> 5
            done = number == (-1 if group & 16 else 0)
            text.append(48 + group + (0 if done else 32))
            if done:
                break
    return text.decode()


def _pycocotools() -> Any:
    try:
        from pycocotools import mask
    except ImportError as error:
        raise DataError("filling polygons needs pycocotools; type: pip install 'vistry[detection]'") from error
    return mask
