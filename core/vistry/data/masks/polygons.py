"""Masks as polygons of few points."""

from __future__ import annotations

from heapq import heappop, heappush

import numpy as np
import numpy.typing as npt

from vistry.data.masks.contours import mask_to_outlines
from vistry.data.masks.windows import rle_to_window
from vistry.evaluation.detection.types import Rle

Ring = npt.NDArray[np.float64]
Points = npt.NDArray[np.complex128]
Side = tuple[float, int, int, int]


def rle_to_polygons(mask: Rle, max_points: int | None = None) -> list[Ring]:
    """The outlines of a mask, holes among them, each [P, 2] of x and y in pixels of the image.

    They run along the edges of pixels, and filled with the even-odd rule they give the mask again. A ring of more than
    `max_points` points, at least 3, is simplify to that many; the limit is for each ring, as the hosted product's
    schema calls each ring a polygon. No ring is dropped.
    """
    inside, corner = rle_to_window(mask)
    rings = [ring + corner for ring in mask_to_outlines(inside)]
    return rings if max_points is None else [simplify(ring, max_points) for ring in rings]


def simplify(ring: Ring, max_points: int) -> Ring:
    """At most `max_points`, 3 or more, of a closed ring's points [P, 2], in order; the others are near the new outline.

    The algorithm is Ramer's (1972) and Douglas and Peucker's (1973): a side takes in the point that is farthest from
    it. Here the next side is the one whose farthest point is the farthest of all, until the limit is reached; so no
    tolerance has to be found for which the points are few enough.
    """
    if len(ring) <= max_points:
        return ring
    points = np.append(ring, ring[:1], axis=0) @ np.array([1, 1j])
    opposite = int(np.abs(points - points[0]).argmax())
    corners = [0, opposite]
    sides: list[Side] = []
    for first, last in ((0, opposite), (opposite, len(ring))):
        _add_side(sides, points, first=first, last=last)
    while len(corners) < max_points:
        _, first, farthest, last = heappop(sides)
        corners.append(farthest)
        _add_side(sides, points, first=first, last=farthest)
        _add_side(sides, points, first=farthest, last=last)
    simple: Ring = ring[np.sort(corners)]
    return simple


def _add_side(sides: list[Side], points: Points, first: int, last: int) -> None:
    """Put a side on the heap, with the point between its ends that is farthest from it, if there is one."""
    if last - first < 2:
        return
    start, along = points[first], points[last] - points[first]
    length = abs(along)
    if length:
        beside = (points[first + 1 : last] - start) * (along.conjugate() / length)
        beside.real -= np.minimum(np.maximum(beside.real, 0), length)
        distances = np.abs(beside)
    else:
        distances = np.abs(points[first + 1 : last] - start)
    farthest = int(distances.argmax())
    heappush(sides, (-float(distances[farthest]), first, first + 1 + farthest, last))
