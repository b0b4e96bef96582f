"""Parse the boxes, polygons and run lengths of annotation files, one by one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from vistry.data.findings import Finding, FindingError
from vistry.data.masks.rle import text_to_runs
from vistry.data.readers.json_values import Json
from vistry.data.readers.object_builder import Box, Shape

# Three points of x and y.
MIN_NUMBERS = 6


def parse_box(values: Json, form: str) -> Box:
    """Four finite numbers, or texts of such. Raises FindingError; `form` is what the format calls them."""
    try:
        one, two, three, four = map(float, values)
    except (TypeError, ValueError, OverflowError):
        raise FindingError(_no_box(values, form)) from None
    total = one + two + three + four
    # NaN and infinity, minus themselves, are NaN; quicker than four calls of isfinite for a million boxes.
    if total - total != 0:
        raise FindingError(_no_box(values, form))
    return one, two, three, four


def _no_box(values: Json, form: str) -> Finding:
    return Finding.of("box-invalid", f"the box {values!r:.60} is not four finite numbers, {form}")


def parse_rings(values: Sequence[Json]) -> tuple[list[list[float]], list[Finding]]:
    """The rings that can be used, each x, y, x, y, ..., and what is wrong with the others."""
    rings, faults = [], []
    for ring in values:
        finding = _check_ring(ring)
        if finding is None:
            rings.append(ring)
        else:
            faults.append(finding)
    return rings, faults


def plain_rings(values: list[Json]) -> list[Json]:
    """Rings as lists of x, y, x, y, ..., of one ring without a list around it, and of points that are pairs."""
    if _are_numbers(values):
        return [values]
    if len(values) > 1 and all(map(_is_point, values)):
        return [_flat(values)]
    if all(isinstance(ring, list) and ring and all(map(_is_point, ring)) for ring in values):
        return [_flat(ring) for ring in values]
    if len(values) == 1 and isinstance(values[0], list) and values[0] and isinstance(values[0][0], list):
        return plain_rings(values[0])
    return values


def _are_numbers(values: list[Json]) -> bool:
    return bool(values) and all(type(value) in (int, float) for value in values)


def _is_point(value: Json) -> bool:
    return isinstance(value, list) and len(value) == 2 and _are_numbers(value)


def _flat(points: list[Json]) -> list[Json]:
    return [value for point in points for value in point]


def _check_ring(ring: Json) -> Finding | None:
    try:
        total = sum(ring)
        count = len(ring)
    except (TypeError, OverflowError):
        return Finding.of("polygon-invalid", f"the polygon {ring!r:.60} is not a list of numbers")
    if total - total != 0:
        return Finding.of("polygon-invalid", f"the polygon {ring!r:.60} has a number that is not finite")
    if count % 2:
        return Finding.of("polygon-invalid", f"the polygon has an odd number of coordinates ({count})")
    if count < MIN_NUMBERS:
        return Finding.of("polygon-short", f"the polygon has {count // 2} point(s), at least 3 are needed")
    return None


def parse_runs(value: dict[str, Json]) -> Shape:
    """Parse COCO's run lengths, as numbers or as text, into a mask. Raises FindingError."""
    height, width = _size(value.get("size"))
    counts = value.get("counts")
    try:
        runs = text_to_runs(counts) if isinstance(counts, str) else np.asarray(counts, dtype=np.int64)
        if runs.ndim != 1 or np.any(runs < 0):
            raise ValueError("expected a list of numbers of at least 0")
    except (TypeError, ValueError, OverflowError) as error:
        raise FindingError(Finding.of("mask-invalid", f"the run lengths can't be read: {error}")) from None
    total = int(runs.sum(dtype=np.int64))
    if total != height * width:
        message = f"the run lengths cover {total} pixels, but the mask has {height} x {width} = {height * width}"
        raise FindingError(Finding.of("mask-invalid", message))
    return Shape(runs=runs.astype(np.uint32), height=height)


def _size(value: Json) -> tuple[int, int]:
    try:
        height, width = value
        if type(height) is int and type(width) is int and 0 < height < 1 << 31 and 0 < width < 1 << 31:
            return height, width
    except (TypeError, ValueError):
        pass
    raise FindingError(Finding.of("mask-invalid", f"the mask's size is {value!r:.40}, not [height, width]"))


def parse_pixels(value: Json) -> int:
    """A size in pixels such as 400, 400.0, "400" or "400px"; 0 where it says none."""
    if isinstance(value, str):
        value = value.strip().removesuffix("px")
    try:
        number = int(float(value))
    except (TypeError, ValueError, OverflowError):
        return 0
    return number if 0 < number < 1 << 31 else 0
