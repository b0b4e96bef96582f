"""Bar charts: a reliability diagram, and a histogram of the predictions behind it."""

from __future__ import annotations

from markupsafe import Markup

from vistry.evaluation.calibration import Reliability
from vistry.report.axis import axis_around
from vistry.report.markup import element
from vistry.report.numbers import count, score
from vistry.report.plot import BOTTOM, TOP, Key, Plot, unit_plot


def reliability_diagram(reliability: Reliability, x_label: str) -> Markup:
    """Draw the share of each bin that came true as a bar, against the line where it equals the probability."""
    plot = unit_plot(x_label, "share that came true")
    ideal = element("path", d=f"M{plot.x.at(0)} {plot.y.at(0)}L{plot.x.at(1)} {plot.y.at(1)}", class_="ideal")
    bars = [
        _reliability_bar(plot, reliability, index)
        for index in range(len(reliability.counts))
        if reliability.counts[index]
    ]
    legend = [Key("c1", "came true"), Key("c2", "mean probability")]
    return plot.figure(f"Reliability (expected calibration error {score(reliability.error)})", [*bars, ideal], legend)


def _reliability_bar(plot: Plot, reliability: Reliability, index: int) -> Markup:
    accuracy, confidence = float(reliability.accuracy[index]), float(reliability.confidence[index])
    number = count(int(reliability.counts[index]), "prediction")
    title = element("title", f"{score(accuracy)} came true at a mean of {score(confidence)}, {number}")
    left, right = _sides(plot, reliability, index)
    mean = element("path", d=f"M{left:.1f} {plot.y.at(confidence):.1f}H{right:.1f}", class_="mean c2")
    return element("g", title, _bar(plot, reliability, index, value=accuracy), mean)


def histogram(reliability: Reliability, x_label: str) -> Markup:
    """Draw how many predictions fall in each bin."""
    heights = axis_around([0.0, *map(float, reliability.counts)], BOTTOM, TOP, from_zero=True)
    plot = Plot(unit_plot(x_label, "").x, heights, x_label, y_label="predictions")
    bars = [_count_bar(plot, reliability, index) for index in range(len(reliability.counts))]
    return plot.figure("How sure it was", bars)


def _count_bar(plot: Plot, reliability: Reliability, index: int) -> Markup:
    number = int(reliability.counts[index])
    return element("g", element("title", count(number, "prediction")), _bar(plot, reliability, index, value=number))


def _bar(plot: Plot, reliability: Reliability, index: int, value: float) -> Markup:
    left, right = _sides(plot, reliability, index)
    top, bottom = plot.y.at(value), plot.y.at(0)
    return element("rect", x=left, y=top, width=right - left, height=bottom - top, class_="bar c1")


def _sides(plot: Plot, reliability: Reliability, index: int) -> tuple[float, float]:
    bins = len(reliability.counts)
    return plot.x.at(index / bins) + 1, plot.x.at((index + 1) / bins) - 1
