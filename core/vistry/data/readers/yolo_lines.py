"""The lines of YOLO's text files: a class number, then a box, corners, a polygon or key points, as fractions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from vistry.data.findings import Finding, FindingError
from vistry.data.readers.object_builder import Box, Shape
from vistry.data.readers.shapes import parse_box, parse_rings

BOX, CORNERS = 4, 8
# A line of key points has a box and at least two points.
MIN_POSE = BOX + 4
# How far out of its box a key point may lie, as a fraction of the image, and how many of the lines have to obey.
REACH, SHARE = 0.02, 0.9
# Fractions reach a little out of the image; pixels by far.
MAX_FRACTION = 1.5


@dataclass
class LineForms:
    """How the lines of a data set are to be read, and how many there are of each form that isn't a plain box.

    `pose`: how many numbers a line with key points has after the class, 0 where lines have none.
    """

    pose: int = 0
    counts: Counter[str] = field(default_factory=Counter)

    def parse(self, words: Sequence[str]) -> tuple[Box, Shape | None]:
        """The box, and the polygon where there is one, of the words after the class. Raises FindingError."""
        count = len(words)
        if count == BOX:
            return _box(words), None
        if self.pose and count in (self.pose, self.pose + 1):
            self.counts["pose"] += 1
            self.counts["confidence"] += count > self.pose
            return _box(words[:BOX]), None
        if count < BOX:
            message = f"expected 4 numbers (a box) or at least 6 (a polygon) after the class, got {count}"
            raise FindingError(Finding.of("box-invalid", message))
        if count % 2:
            self._check_confidence(words[-1], count)
            self.counts["confidence"] += 1
            words = words[:-1]
            if len(words) == BOX:
                return _box(words), None
        self.counts["corners" if len(words) == CORNERS else "polygon"] += 1
        shape = _polygon(words)
        return shape.box(), shape

    def _check_confidence(self, word: str, count: int) -> None:
        try:
            if 0 <= float(word) <= 1:
                return
        except ValueError:
            pass
        check = "box-invalid" if count == BOX + 1 else "polygon-invalid"
        message = f"of {count} numbers after the class the last, '{word}', is not a confidence from 0 to 1"
        raise FindingError(Finding.of(check, message))

    def remarks(self, place: object) -> list[Finding]:
        """A finding for each form of lines from which something is left out."""
        told = {name: count for name, count in self.counts.items() if name in _TOLD and count}
        if self.counts["polygon"]:  # four corners are polygons among others
            told.pop("corners", None)
        return [
            Finding.of("object-form", f"{count} object(s) {_TOLD[name]}", place, count=count)
            for name, count in told.items()
        ]


_TOLD = {
    "pose": "have key points after their boxes; the boxes are used",
    "corners": "are four corners, as of oriented boxes; upright boxes around them are used, or their outlines as masks",
    "confidence": "have one number more than they need, which is taken for a prediction's confidence and not used",
}


def class_number(word: str) -> int:
    """The class number that a word is, also one written as 3.0. Raises FindingError."""
    try:
        number = float(word)
        if number.is_integer() and 0 <= number < 1 << 31:
            return int(number)
    except ValueError:
        pass
    raise FindingError(Finding.of("object-invalid", f"invalid class number '{word}'"))


def is_label_line(line: str) -> bool:
    """Whether a line is a class number and at least four fractions."""
    words = line.split()
    try:
        class_number(words[0] if words else "")
        return len(words) > BOX and all(-MAX_FRACTION <= float(word) <= MAX_FRACTION for word in words[1 : BOX + 1])
    except (FindingError, ValueError):
        return False


def pose_length(lines: Iterable[str]) -> int:
    """How many numbers follow the class in lines that are a box with key points in it, or 0 where they aren't.

    All lines of such a data set have the same length, and a polygon doesn't begin with a box around its other points.
    """
    rows = [_numbers(line) for line in lines]
    lengths = {len(row) for row in rows}
    if len(lengths) != 1 or (count := lengths.pop()) < MIN_POSE:
        return 0
    for per_point in (2, 3):
        if (count - BOX) % per_point == 0 and (count - BOX) // per_point > 1:
            held = sum(_holds_points(row, per_point) for row in rows)
            if held >= SHARE * len(rows):
                return count
    return 0


def _numbers(line: str) -> list[float]:
    try:
        return [float(word) for word in line.split()[1:]]
    except ValueError:
        return []


def _holds_points(row: Sequence[float], per_point: int) -> bool:
    """Whether all key points that are there, not at 0, 0, lie in the box; a third number says how visible one is."""
    x, y, width, height = row[:BOX]
    points = [row[start : start + per_point] for start in range(BOX, len(row), per_point)]
    if per_point == 3 and any(point[2] not in (0, 1, 2) for point in points):
        return False
    visible = [point for point in points if point[0] or point[1]]
    return all(
        abs(point[0] - x) <= width / 2 + REACH and abs(point[1] - y) <= height / 2 + REACH for point in visible
    ) and bool(width > 0 < height)


def _box(words: Sequence[str]) -> Box:
    x, y, width, height = parse_box(words, "x, y, width, height")
    return x - width / 2, y - height / 2, x + width / 2, y + height / 2


def _polygon(words: Sequence[str]) -> Shape:
    try:
        ring = [float(word) for word in words]
    except ValueError as error:
        raise FindingError(Finding.of("polygon-invalid", str(error))) from None
    rings, faults = parse_rings([ring])
    if faults:
        raise FindingError(faults[0])
    return Shape(rings)
