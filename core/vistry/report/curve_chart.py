"""A chart with one curve for each class, from one class to a thousand."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from vistry.evaluation.curves import Curve
from vistry.report.lines import COLOURS, Line
from vistry.report.numbers import score
from vistry.report.plot import Key, unit_plot

FEW_CLASSES, LOWEST_CLASSES = len(COLOURS), 4
POINTS, POINTS_OF_MANY = 300, 80


def curve_lines(
    classes: Sequence[str], curves: Sequence[Curve | None], *, micro: Curve | None = None, steps: bool
) -> list[Line]:
    """A line a class, and one of all answers together; where there are many, only the lowest ones in colour."""
    found = {index: curve for index, curve in enumerate(curves) if curve is not None}
    ranked = sorted(found, key=lambda index: found[index].area)
    coloured = sorted(ranked if len(ranked) <= FEW_CLASSES else ranked[:LOWEST_CLASSES])
    grey = [index for index in found if index not in coloured]
    lines = [_line("", found[index].thinned(POINTS_OF_MANY), "other", steps) for index in grey]
    for colour, index in zip(COLOURS, coloured, strict=False):
        lines.append(_line(classes[index], found[index].thinned(POINTS), colour, steps))
    if micro is not None:
        lines.append(_line("all (micro)", micro.thinned(POINTS), "micro", steps))
    return lines


def _line(name: str, curve: Curve, colour: str, steps: bool) -> Line:
    points = list(zip(curve.x.tolist(), curve.y.tolist(), strict=True))
    return Line(name, points, colour, score(curve.area), steps)


def curve_chart(title: str, x_label: str, y_label: str, lines: Sequence[Line], undefined: str) -> Markup:
    """The lines over shares of 1; `undefined` says why there is none."""
    plot = unit_plot(x_label, y_label)
    legend = [line.key for line in lines if line.label]
    others = sum(not line.label for line in lines)
    if others:
        legend.append(Key("other", f"the {others} other classes, none lower"))
    if not lines:
        legend.append(Key("", f"undefined: {undefined}"))
    return plot.figure(title, [line.drawn(plot) for line in lines], legend)
