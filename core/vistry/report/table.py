"""Tables, which a click on a heading sorts (sort.js)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from vistry.report.markup import Content, element, name_of, text_of
from vistry.report.numbers import score

# Rows from which on a table scrolls.
TALL = 16


@dataclass(frozen=True)
class Number:
    """A number as text."""

    text: str


@dataclass(frozen=True)
class Share:
    """A number in [0, 1], drawn with a bar behind it; None if it is undefined."""

    value: float | None


Cell = Content | Number | Share


def table(headings: Sequence[str], rows: Iterable[Sequence[Cell]], *, sortable: bool = False) -> Markup:
    """Draw a table. Text is a name from outside, our own words come as Markup, and numbers stand at the right."""
    listed = list(rows)
    numeric = [isinstance(cell, (int, Number, Share)) for cell in listed[0]] if listed else [False] * len(headings)
    cells = [_heading(name, right, sortable) for name, right in zip(headings, numeric, strict=True)]
    body = [element("tr", *map(_cell, row)) for row in listed]
    head = element("thead", element("tr", *cells))
    whole = element("table", head, element("tbody", *body), class_="sortable" if sortable else None)
    return element("div", whole, class_="scroll tall" if len(body) > TALL else "scroll", tabindex="0")


def _heading(name: str, right: bool, sortable: bool) -> Markup:
    content = element("button", name, type="button") if sortable else name
    return element("th", content, scope="col", class_="number" if right else None)


def _cell(cell: Cell) -> Markup:
    if isinstance(cell, Share):
        style = None if cell.value is None else f"--share:{100 * cell.value:.1f}%"
        return element("td", score(cell.value), class_="number share", style=style)
    if isinstance(cell, int | Number):
        return element("td", f"{cell:,}" if isinstance(cell, int) else cell.text, class_="number")
    return element("td", cell if isinstance(cell, Markup) else name_of(cell))


def definitions(pairs: Iterable[tuple[str, Content | None]]) -> Markup:
    """Draw names and values in two columns, without empty values."""
    lines = [
        element("div", element("dt", name), element("dd", value if isinstance(value, Markup) else text_of(str(value))))
        for name, value in pairs
        if value not in (None, "")
    ]
    return element("dl", *lines)


def collapsed(summary: str, *content: Content) -> Markup:
    """Hide content under a summary until it is clicked."""
    return element("details", element("summary", summary), *content)
