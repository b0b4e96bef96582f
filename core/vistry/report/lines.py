"""Lines in a plot."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from markupsafe import Markup

from vistry.report.axis import Axis, axis_around, tick_label
from vistry.report.markup import element, joined
from vistry.report.plot import BOTTOM, LEFT, RIGHT, TOP, Key, Plot

Point = tuple[float, float]
# A longer line is drawn without dots, which would touch each other.
MAX_DOTS = 60
COLOURS = tuple(f"c{number}" for number in range(1, 9))


@dataclass(frozen=True)
class Line:
    """Points (x, y) from left to right, with a label and a number for the legend.

    `steps`: whether a value holds back to the point before it; otherwise points are joined by straight lines.
    """

    label: str
    points: Sequence[Point]
    colour: str = "c1"
    number: str = ""
    steps: bool = False

    @property
    def values(self) -> list[float]:
        """The y of each point."""
        return [y for _, y in self.points]

    @property
    def key(self) -> Key:
        """The entry in the legend."""
        return Key(self.colour, self.label, self.number)

    def markup(self, plot: Plot, *, dots: bool = False) -> Markup:
        """Draw the line; with `dots`, each point of a short line has a dot whose title has the values."""
        pixels = [(plot.x.at(x), plot.y.at(y)) for x, y in self.points]
        shape = element("path", d=_path(pixels, self.steps), class_=f"line {self.colour}")
        if not dots or len(pixels) > MAX_DOTS:
            return shape
        return shape + joined(self._dot(point, pixel) for point, pixel in zip(self.points, pixels, strict=True))

    def _dot(self, point: Point, pixel: Point) -> Markup:
        title = element("title", f"{self.label}: {tick_label(point[1])} at {tick_label(point[0])}")
        return element("circle", title, cx=pixel[0], cy=pixel[1], r="2.5", class_=f"dot {self.colour}")


def _path(pixels: Sequence[Point], steps: bool) -> str:
    if not pixels:
        return ""
    start = f"M{pixels[0][0]:.1f} {pixels[0][1]:.1f}"
    if steps:
        return start + "".join(f"V{y:.1f}H{x:.1f}" for x, y in pixels[1:])
    return start + "".join(f"L{x:.1f} {y:.1f}" for x, y in pixels[1:])


def line_of(label: str, x: npt.NDArray[np.float64], y: npt.NDArray[np.float64], colour: str) -> Line:
    """Return a line through x [P] and y [P], without the points whose y is NaN."""
    points = zip(x.tolist(), y.tolist(), strict=True)
    return Line(label, [point for point in points if not math.isnan(point[1])], colour)


@dataclass(frozen=True)
class ValueAxis:
    """The name of the values of a chart, and how much of their range is shown.

    A value above `ceiling` is drawn at the upper edge, so that one outlier doesn't flatten the rest.
    """

    label: str
    from_zero: bool = False
    ceiling: float = math.inf


def over_epochs(title: str, axis: ValueAxis, lines: Sequence[Line], best: int | None) -> Markup:
    """Draw values over epochs counted from 1, and mark the best epoch; lines without points are left out."""
    lines = [line for line in lines if line.points]
    epochs = [x for line in lines for x, _ in line.points]
    x = Axis(low=1, high=max(max(epochs, default=1), 2), start=LEFT, end=RIGHT, whole=True)
    values = [min(y, axis.ceiling) for line in lines for _, y in line.points]
    plot = Plot(x, axis_around(values, BOTTOM, TOP, from_zero=axis.from_zero), "epoch", y_label=axis.label)
    marks = [line.markup(plot, dots=True) for line in lines]
    if best is not None:
        marks.append(_mark(plot, best))
    return plot.figure(title, marks, [line.key for line in lines] if len(lines) > 1 else ())


def _mark(plot: Plot, epoch: int) -> Markup:
    at = plot.x.at(epoch)
    # The text stands on the side of the line that has more room.
    left = at > (LEFT + RIGHT) / 2
    line = element("path", d=f"M{at:.1f} {TOP}V{BOTTOM}", class_="mark")
    place = {"x": at - 5 if left else at + 5, "y": TOP - 4, "text_anchor": "end" if left else "start"}
    return line + element("text", f"best: epoch {epoch}", class_="mark", **place)
