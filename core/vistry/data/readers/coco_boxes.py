"""Whether the boxes of a COCO file agree with their own polygons and areas."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path

from vistry.data.findings import Finding
from vistry.data.readers.json_values import Json
from vistry.data.readers.object_builder import Box
from vistry.data.readers.shapes import MIN_NUMBERS, plain_rings

# Of a file's first annotations every one is looked at, of the others one in so many: polygons are long.
FIRST = 1_000
ONE_IN = 50
# A box and the extent of its polygons agree within this share of the extent, and within so many pixels.
SHARE, PIXELS = 0.1, 2.0
# Without polygons 'area' may be that of a mask, which fills most of its box, and never more than the box.
LEAST_FILL, MOST_FILL = 0.25, 1.2
# The area of a box that is read rightly is the stated one but for rounding.
AREA_SHARE = 0.05
TINY = 1e-6
# Square pixels; no object has more.
MAX_AREA = 1e12

READINGS: Mapping[str, Callable[[Box], Box]] = {
    "two corners (x1, y1, x2, y2)": lambda raw: raw,
    "the centre, width and height": lambda raw: (
        raw[0] - raw[2] / 2,
        raw[1] - raw[3] / 2,
        raw[0] + raw[2] / 2,
        raw[1] + raw[3] / 2,
    ),
}
"""What four numbers may stand for that are no x, y, width, height, and the corners that they then are."""


class BoxEvidence:
    """Counts the boxes that contradict what else their annotations say, and what their numbers look like instead."""

    def __init__(self) -> None:
        self._seen = 0
        self._compared = 0
        self._contradictions = 0
        self._looks_like: Counter[str] = Counter()
        self._example: tuple[Json, int] = ("", 0)

    def add(self, annotation: Mapping[str, Json], box: Box, line: int) -> None:
        """Look at an annotation; `box`: the corners that its `bbox` was read as."""
        self._seen += 1
        if self._seen > FIRST and self._seen % ONE_IN:
            return
        agrees = _comparison(annotation)
        if agrees is None or annotation.get("bbox") is None:
            return
        self._compared += 1
        if agrees(box):
            return
        if not self._contradictions:
            self._example = annotation.get("id"), line
        self._contradictions += 1
        self._looks_like.update(name for name, corners in READINGS.items() if agrees(corners(_raw(box))))

    def findings(self, path: Path) -> list[Finding]:
        """One finding, where most of the boxes that could be compared are contradicted."""
        if 2 * self._contradictions <= self._compared:
            return []
        name, line = self._example
        message = (
            f"{self._contradictions} of {self._compared} boxes differ from the extent of their own polygons or from "
            f"their 'area', such as that of annotation {name!r:.40}"
        )
        remedy = "check how the file was made"
        for reading, count in self._looks_like.most_common(1):
            if 2 * count > self._contradictions:
                message += f": the numbers of 'bbox' look like {reading}, written as x, y, width, height"
                remedy = "write 'bbox' as x, y, width, height of the box, x and y being its upper left corner"
        finding = Finding.of("box-contradiction", message, path, line=line, count=self._contradictions)
        return [finding.advising(remedy)]


def _comparison(annotation: Mapping[str, Json]) -> Callable[[Box], bool] | None:
    """The question whether a box agrees with the rest of an annotation; None where that says nothing about it."""
    if annotation.get("iscrowd"):
        return None
    segmentation = annotation.get("segmentation")
    if segmentation:
        extent = _extent(segmentation)
        return None if extent is None else lambda box: _is_near(box, extent)
    area = annotation.get("area")
    if not isinstance(area, int | float) or not 0 < area < MAX_AREA:
        return None
    stated = float(area)
    return lambda box: _fits_area(box, stated)


def _fits_area(box: Box, area: float) -> bool:
    """Whether an area may be that of the box or of a mask in it, and not only that of the box read in another way."""
    own = _area(box)
    if abs(own - area) <= AREA_SHARE * area:
        return True
    others = [_area(corners(_raw(box))) for corners in READINGS.values()]
    return LEAST_FILL <= area / own <= MOST_FILL and not any(abs(one - area) <= AREA_SHARE * area for one in others)


def _raw(box: Box) -> Box:
    """The four numbers that were read as x, y, width and height."""
    return box[0], box[1], box[2] - box[0], box[3] - box[1]


def _area(box: Box) -> float:
    """The area in square pixels, hardly any where the corners are swapped."""
    return max((box[2] - box[0]), TINY) * max((box[3] - box[1]), TINY)


def _extent(segmentation: Json) -> Box | None:
    """The box around polygons; None for anything else, which the reader itself reports where it is needed."""
    if type(segmentation) is not list:
        return None
    try:
        rings = plain_rings(segmentation)
        if any(len(ring) < MIN_NUMBERS or len(ring) % 2 for ring in rings):
            return None
        xs = [float(x) for ring in rings for x in ring[::2]]
        ys = [float(y) for ring in rings for y in ring[1::2]]
        return min(xs), min(ys), max(xs), max(ys)
    except (TypeError, ValueError, KeyError, IndexError, OverflowError):
        return None


def _is_near(box: Box, extent: Box) -> bool:
    width, height = extent[2] - extent[0], extent[3] - extent[1]
    slack = max(PIXELS, SHARE * max(width, height))
    return all(abs(one - other) <= slack for one, other in zip(box, extent, strict=True))
