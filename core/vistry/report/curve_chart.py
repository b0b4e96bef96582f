"""A chart with one curve for each class, from one class to a thousand."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from vistry.evaluation.curves import Curve
from vistry.report.lines import COLOURS, Line
from vistry.report.numbers import score
from vistry.report.plot import Key, unit_plot

# Of more classes than there are colours, only the curves with the least area are coloured: they need attention.
COLOURED_OF_MANY = 4
# Points of a coloured curve and of a grey one, so that the page stays small with a thousand classes.
COLOURED_POINTS, GREY_POINTS = 300, 80


def curve_lines(
    classes: Sequence[str], curves: Sequence[Curve | None], *, micro: Curve | None = None, steps: bool
) -> list[Line]:
    """Return a line for each class whose curve is defined, and `micro`, the line of all answers together.

    `steps`: whether a value holds back to the point before it, as in average precision.
    """
    defined = {index: curve for index, curve in enumerate(curves) if curve is not None}
    ranked = sorted(defined, key=lambda index: defined[index].area)
    coloured = sorted(ranked if len(ranked) <= len(COLOURS) else ranked[:COLOURED_OF_MANY])
    grey = [index for index in defined if index not in coloured]
    lines = [_line("", defined[index].thin(GREY_POINTS), colour="other", steps=steps) for index in grey]
    for colour, index in zip(COLOURS, coloured, strict=False):
        lines.append(_line(classes[index], defined[index].thin(COLOURED_POINTS), colour=colour, steps=steps))
    if micro is not None:
        lines.append(_line("all (micro)", micro.thin(COLOURED_POINTS), colour="micro", steps=steps))
    return lines


def _line(name: str, curve: Curve, colour: str, steps: bool) -> Line:
    points = list(zip(curve.x.tolist(), curve.y.tolist(), strict=True))
    return Line(name, points, colour=colour, number=score(curve.area), steps=steps)


def curve_chart(title: str, x_label: str, y_label: str, lines: Sequence[Line], undefined: str) -> Markup:
    """Draw lines whose axes go from 0 to 1; where there are none, `undefined` gives the reason in the legend."""
    plot = unit_plot(x_label, y_label)
    legend = [line.key for line in lines if line.label]
    others = sum(not line.label for line in lines)
    if others:
        legend.append(Key("other", f"the {others} other classes, none lower"))
    if not lines:
        legend.append(Key("", f"undefined: {undefined}"))
    return plot.figure(title, [line.markup(plot) for line in lines], legend)
