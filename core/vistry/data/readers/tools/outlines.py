"""Outlines from what labelling tools draw: points, ellipses and turned boxes, each x, y, x, y, ..."""

from __future__ import annotations

import math
from collections.abc import Sequence

from vistry.data.findings import FindingError
from vistry.data.readers.json_values import Json
from vistry.data.readers.shapes import parse_rings

# Corners of the polygon that stands for an ellipse: its area is within 0.5 % of the ellipse's.
CORNERS = 36


def ring_of_points(points: Sequence[Json]) -> list[float]:
    """The ring of (x, y) points, numbers or texts of numbers. Raises FindingError for what is no polygon."""
    try:
        flat = [float(value) for point in points for value in point]
    except (TypeError, ValueError):
        flat = []
    rings, faults = parse_rings([flat])
    if faults:
        raise FindingError(faults[0])
    return list(rings[0])


def ellipse(centre: tuple[float, float], radii: tuple[float, float]) -> list[float]:
    """The polygon for an ellipse around a centre, with radii along x and y."""
    (x, y), (across, down) = centre, radii
    angles = [2 * math.pi * step / CORNERS for step in range(CORNERS)]
    return [value for angle in angles for value in (x + across * math.cos(angle), y + down * math.sin(angle))]


def ellipse_of(values: tuple[float, float, float, float]) -> list[float]:
    """The polygon for an ellipse: its centre x, y and its radii."""
    x, y, across, down = values
    return ellipse((x, y), (across, down))


def turned_box(box: tuple[float, float, float, float], degrees: float) -> list[float]:
    """The corners of a box (left, top, width, height) that is turned clockwise around its upper left corner."""
    left, top, width, height = box
    cosine, sine = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    corners = ((0.0, 0.0), (width, 0.0), (width, height), (0.0, height))
    return [value for x, y in corners for value in (left + x * cosine - y * sine, top + x * sine + y * cosine)]
