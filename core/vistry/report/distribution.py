"""Histograms of sizes and proportions."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from markupsafe import Markup

from vistry.report.axis import axis_around
from vistry.report.markup import element
from vistry.report.numbers import count
from vistry.report.plot import BOTTOM, LEFT, RIGHT, TOP, Plot

BINS = 24
# Values beyond this quantile are drawn in the last bin, so that one odd image doesn't flatten the others.
TAIL = 0.995

Values = npt.NDArray[np.floating]


class Noun(NamedTuple):
    """What is counted: one of it, and several."""

    singular: str
    plural: str


IMAGE, BOX = Noun("image", "images"), Noun("box", "boxes")


def distribution(title: str, values: Values, *, x_label: str, noun: Noun) -> Markup:
    """Draw how many of the values fall in each bin from 0 on; `noun` is what one value belongs to."""
    end = float(np.quantile(values, TAIL)) if len(values) else 1.0
    x = axis_around([0.0, end], LEFT, RIGHT, from_zero=True)
    edges = np.linspace(x.low, x.high, BINS + 1)
    counts, _ = np.histogram(np.clip(values, x.low, x.high), edges)
    heights = axis_around([0.0, *map(float, counts)], BOTTOM, TOP, from_zero=True)
    plot = Plot(x, heights, x_label, y_label=noun.plural)
    bars = []
    for low, high, number in zip(edges[:-1].tolist(), edges[1:].tolist(), counts.tolist(), strict=True):
        if number:
            words = f"{low:.4g} to {high:.4g}: {count(number, *noun)}"
            bars.append(element("g", element("title", words), _bar(plot, low, high, height=number)))
    return plot.figure(title, bars)


def _bar(plot: Plot, low: float, high: float, height: int) -> Markup:
    left, right, top, bottom = plot.x.at(low), plot.x.at(high), plot.y.at(height), plot.y.at(0)
    return element("rect", x=left + 0.5, y=top, width=right - left - 1, height=bottom - top, class_="bar c1")
