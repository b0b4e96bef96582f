"""Lines over a plot."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from vistry.report.axis import Axis, fitting, tick_label
from vistry.report.markup import element, joined
from vistry.report.plot import BOTTOM, LEFT, RIGHT, TOP, Key, Plot

Point = tuple[float, float]
DOTS = 60
COLOURS = tuple(f"c{number}" for number in range(1, 9))


@dataclass(frozen=True)
class Line:
    """Points from left to right, in a colour, under a name with a number; `steps` holds a value back to the last."""

    label: str
    points: Sequence[Point]
    colour: str = "c1"
    number: str = ""
    steps: bool = False

    @property
    def values(self) -> list[float]:
        """What is drawn, from left to right."""
        return [y for _, y in self.points]

    @property
    def key(self) -> Key:
        """Its line of the legend."""
        return Key(self.colour, self.label, self.number)

    def drawn(self, plot: Plot, *, dots: bool = False) -> Markup:
        """The line, with a dot at every point that tells its values if there are not too many."""
        pixels = [(plot.x.at(x), plot.y.at(y)) for x, y in self.points]
        shape = element("path", d=_path(pixels, self.steps), class_=f"line {self.colour}")
        if not dots or len(pixels) > DOTS:
            return shape
        return shape + joined(self._dot(point, pixel) for point, pixel in zip(self.points, pixels, strict=True))

    def _dot(self, point: Point, pixel: Point) -> Markup:
        said = element("title", f"{self.label}: {tick_label(point[1])} at {tick_label(point[0])}")
        return element("circle", said, cx=pixel[0], cy=pixel[1], r="2.5", class_=f"dot {self.colour}")


def _path(pixels: Sequence[Point], steps: bool) -> str:
    if not pixels:
        return ""
    start = f"M{pixels[0][0]:.1f} {pixels[0][1]:.1f}"
    if steps:
        return start + "".join(f"V{y:.1f}H{x:.1f}" for x, y in pixels[1:])
    return start + "".join(f"L{x:.1f} {y:.1f}" for x, y in pixels[1:])


def over_epochs(
    title: str,
    label: str,
    lines: Sequence[Line],
    best: int | None,
    *,
    from_zero: bool = False,
    ceiling: float = math.inf,
) -> Markup:
    """A chart of values over epochs counted from 1, the best epoch marked; lines without points are left out.

    A value above `ceiling` is drawn at the upper edge, so that one outlier doesn't flatten the rest.
    """
    lines = [line for line in lines if line.points]
    epochs = [x for line in lines for x, _ in line.points]
    x = Axis(1, max(max(epochs, default=1), 2), LEFT, RIGHT, whole=True)
    values = [min(y, ceiling) for line in lines for _, y in line.points]
    plot = Plot(x, fitting(values, BOTTOM, TOP, from_zero=from_zero), "epoch", label)
    marks = [line.drawn(plot, dots=True) for line in lines]
    if best is not None:
        marks.append(_mark(plot, best))
    return plot.figure(title, marks, [line.key for line in lines] if len(lines) > 1 else ())


def _mark(plot: Plot, epoch: int) -> Markup:
    at = plot.x.at(epoch)
    left = at > (LEFT + RIGHT) / 2
    line = element("path", d=f"M{at:.1f} {TOP}V{BOTTOM}", class_="mark")
    place = {"x": at - 5 if left else at + 5, "y": TOP - 4, "text_anchor": "end" if left else "start"}
    return line + element("text", f"best: epoch {epoch}", class_="mark", **place)
