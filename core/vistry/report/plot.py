"""A chart without its data: grid, axes with ticks and labels, and a legend below."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from vistry.report.axis import Axis, tick_label
from vistry.report.markup import element, joined, name_of

# Pixels of the whole chart, and the edges of the plotting area inside it.
WIDTH, HEIGHT = 420, 270
LEFT, RIGHT, TOP, BOTTOM = 62, 410, 16, 228


@dataclass(frozen=True)
class Key:
    """An entry in the legend: a colour's class in style.css, a label, and a number that belongs to it."""

    colour: str
    label: str
    number: str = ""


@dataclass(frozen=True)
class Plot:
    """A plotting area with two axes."""

    x: Axis
    y: Axis
    x_label: str
    y_label: str

    def figure(self, title: str, marks: Sequence[Markup], legend: Sequence[Key] = ()) -> Markup:
        """Draw the chart around its marks, with its title above and its legend below."""
        box = f"0 0 {WIDTH} {HEIGHT}"
        drawing = element("svg", self._grid(), *marks, self._labels(), viewBox=box, role="img", aria_label=title)
        caption = element("figcaption", title)
        return element("figure", caption, drawing, _legend(legend) if legend else "", class_="chart")

    def _grid(self) -> Markup:
        across = [f"M{LEFT} {self.y.at(tick):.1f}H{RIGHT}" for tick in self.y.ticks()]
        down = [f"M{self.x.at(tick):.1f} {TOP}V{BOTTOM}" for tick in self.x.ticks()]
        frame = f"M{LEFT} {TOP}V{BOTTOM}H{RIGHT}"
        grid = element("path", d="".join(across + down), class_="grid")
        return grid + element("path", d=frame, class_="axis")

    def _labels(self) -> Markup:
        across = [_text(tick_label(tick), self.x.at(tick), y=BOTTOM + 16, anchor="middle") for tick in self.x.ticks()]
        down = [_text(tick_label(tick), LEFT - 7, y=self.y.at(tick) + 4, anchor="end") for tick in self.y.ticks()]
        turned = f"rotate(-90 12 {(TOP + BOTTOM) / 2})"
        names = [
            _text(self.x_label, (LEFT + RIGHT) / 2, y=HEIGHT - 6, anchor="middle", class_="name"),
            _text(self.y_label, 12, y=(TOP + BOTTOM) / 2, anchor="middle", class_="name", transform=turned),
        ]
        return joined(across + down + names)


def _text(content: str, x: float, y: float, anchor: str, **attributes: str) -> Markup:
    return element("text", content, x=float(x), y=float(y), text_anchor=anchor, **attributes)


def _legend(keys: Sequence[Key]) -> Markup:
    items = [element("li", element("i", class_=key.colour), name_of(key.label), " ", key.number) for key in keys]
    return element("ul", *items, class_="legend")


def unit_plot(x_label: str, y_label: str) -> Plot:
    """Return a plot whose axes both go from 0 to 1."""
    return Plot(
        Axis(low=0, high=1, start=LEFT, end=RIGHT), Axis(low=0, high=1, start=BOTTOM, end=TOP), x_label, y_label=y_label
    )
