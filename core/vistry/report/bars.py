"""Bars: a reliability diagram, and how many predictions are behind it."""

from __future__ import annotations

from markupsafe import Markup

from vistry.evaluation.calibration import Reliability
from vistry.report.axis import fitting
from vistry.report.markup import element
from vistry.report.numbers import count, score
from vistry.report.plot import BOTTOM, TOP, Key, Plot, unit_plot


def reliability_diagram(found: Reliability, x_label: str) -> Markup:
    """Each bin's share that came true as a bar, against the line where it equals the probability."""
    plot = unit_plot(x_label, "share that came true")
    ideal = element("path", d=f"M{plot.x.at(0)} {plot.y.at(0)}L{plot.x.at(1)} {plot.y.at(1)}", class_="ideal")
    bars = [_reliability_bar(plot, found, index) for index in range(len(found.counts)) if found.counts[index]]
    legend = [Key("c1", "came true"), Key("c2", "mean probability")]
    return plot.figure(f"Reliability (expected calibration error {score(found.error)})", [*bars, ideal], legend)


def _reliability_bar(plot: Plot, found: Reliability, index: int) -> Markup:
    true, said = float(found.accuracy[index]), float(found.confidence[index])
    number = count(int(found.counts[index]), "prediction")
    title = element("title", f"{score(true)} came true at a mean of {score(said)}, {number}")
    left, right = _sides(plot, found, index)
    mean = element("path", d=f"M{left:.1f} {plot.y.at(said):.1f}H{right:.1f}", class_="mean c2")
    return element("g", title, _bar(plot, found, index, true), mean)


def histogram(found: Reliability, x_label: str) -> Markup:
    """How many predictions fall in each bin."""
    heights = fitting([0.0, *map(float, found.counts)], BOTTOM, TOP, from_zero=True)
    plot = Plot(unit_plot(x_label, "").x, heights, x_label, "predictions")
    bars = [_count_bar(plot, found, index) for index in range(len(found.counts))]
    return plot.figure("How sure it was", bars)


def _count_bar(plot: Plot, found: Reliability, index: int) -> Markup:
    number = int(found.counts[index])
    return element("g", element("title", count(number, "prediction")), _bar(plot, found, index, number))


def _bar(plot: Plot, found: Reliability, index: int, value: float) -> Markup:
    left, right = _sides(plot, found, index)
    top, bottom = plot.y.at(value), plot.y.at(0)
    return element("rect", x=left, y=top, width=right - left, height=bottom - top, class_="bar c1")


def _sides(plot: Plot, found: Reliability, index: int) -> tuple[float, float]:
    bins = len(found.counts)
    return plot.x.at(index / bins) + 1, plot.x.at((index + 1) / bins) - 1
