"""Boxes, polygons and run lengths as annotation files write them, checked one by one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from vistry.data.findings import DataSetError, Finding, finding
from vistry.data.masks.rle import runs_of_text
from vistry.data.readers.object_builder import Box, Shape

LEAST_NUMBERS = 6


def box_of(values: Any, form: str) -> Box:
    """Four finite numbers, or texts of such. Raises DataSetError; `form` is what the format calls them."""
    try:
        one, two, three, four = map(float, values)
    except (TypeError, ValueError, OverflowError):
        raise DataSetError(_no_box(values, form)) from None
    total = one + two + three + four
    if total - total != 0:
        raise DataSetError(_no_box(values, form))
    return one, two, three, four


def _no_box(values: Any, form: str) -> Finding:
    return finding("box-invalid", f"the box {values!r:.60} is not four finite numbers, {form}")


def rings_of(values: Sequence[Any]) -> tuple[list[list[float]], list[Finding]]:
    """The rings that can be used, each x, y, x, y, ..., and what is wrong with the others."""
    rings, faults = [], []
    for ring in values:
        fault = _fault_of_ring(ring)
        if fault is None:
            rings.append(ring)
        else:
            faults.append(fault)
    return rings, faults


def _fault_of_ring(ring: Any) -> Finding | None:
    try:
        total = sum(ring)
        count = len(ring)
    except (TypeError, OverflowError):
        return finding("polygon-invalid", f"the polygon {ring!r:.60} is not a list of numbers")
    if total - total != 0:
        return finding("polygon-invalid", f"the polygon {ring!r:.60} has a number that is not finite")
    if count % 2:
        return finding("polygon-invalid", f"the polygon has {count} numbers, which are no pairs of x and y")
    if count < LEAST_NUMBERS:
        return finding("polygon-short", f"the polygon has {count // 2} point(s), and three are the least")
    return None


def runs_of(value: dict[str, Any]) -> Shape:
    """The mask of COCO's run lengths, as numbers or as text. Raises DataSetError."""
    height, width = _size(value.get("size"))
    counts = value.get("counts")
    try:
        runs = runs_of_text(counts) if isinstance(counts, str) else np.asarray(counts, dtype=np.int64)
        if runs.ndim != 1 or np.any(runs < 0):
            raise ValueError("run lengths are a list of numbers from 0")
    except (TypeError, ValueError, OverflowError) as error:
        raise DataSetError(finding("mask-invalid", f"the run lengths can't be read: {error}")) from None
    total = int(runs.sum(dtype=np.int64))
    if total != height * width:
        message = f"the run lengths cover {total} pixels, and {height} x {width} are {height * width}"
        raise DataSetError(finding("mask-invalid", message))
    return Shape(runs=runs.astype(np.uint32), height=height)


def _size(value: Any) -> tuple[int, int]:
    try:
        height, width = value
        if type(height) is int and type(width) is int and 0 < height < 1 << 31 and 0 < width < 1 << 31:
            return height, width
    except (TypeError, ValueError):
        pass
    raise DataSetError(finding("mask-invalid", f"the mask's size is {value!r:.40}, not [height, width]"))


def whole(value: Any) -> int:
    """A size in pixels such as 400, 400.0, "400" or "400px"; 0 where it says none."""
    if isinstance(value, str):
        value = value.strip().removesuffix("px")
    try:
        number = int(float(value))
    except (TypeError, ValueError, OverflowError):
        return 0
    return number if 0 < number < 1 << 31 else 0
