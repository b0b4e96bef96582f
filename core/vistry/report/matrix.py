"""A confusion matrix as a picture, for 2 to about 100 classes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from markupsafe import Markup

from vistry.report.markup import element
from vistry.report.numbers import count, percent
from vistry.report.shortening import shortened, width_of

# Pixels: the side that the cells fill, the bounds of a cell's side, and the least side in which a number is legible.
SPACE = 560
SMALLEST, LARGEST = 10, 72
LEGIBLE = 22
# The width in letters at which class names are cut, and how far the picture may shrink before it scrolls.
LONGEST = 20
LEAST_SCALE = 0.7


@dataclass(frozen=True)
class Layout:
    """Sizes in pixels: a cell's side, the letters of a class name, the room for names, and the side of the matrix.

    `upright`: whether the names above the columns are turned by 90 degrees.
    """

    cell: int
    letters: int
    left: int
    above: int
    upright: bool
    side: int

    @classmethod
    def of(cls, labels: Sequence[str], side: int) -> Layout:
        """Lay out `side` x `side` cells that fill the space, within the bounds of a cell's side."""
        cell = min(LARGEST, max(SMALLEST, SPACE // side))
        letters = min(13, cell - 1)
        longest = int(max(width_of(label) for label in labels) * letters * 0.6) + 10
        upright = longest > cell
        above = longest if upright else letters + 10
        return cls(cell, letters, left=longest + 24, above=above + 22, upright=upright, side=cell * side)


@dataclass(frozen=True)
class Names:
    """The names of the rows and of the columns, and the noun for what is counted."""

    rows: Sequence[str]
    columns: Sequence[str]
    noun: str


@dataclass(frozen=True)
class Cell:
    """A cell of the matrix that isn't 0: its count, and the count of its whole row."""

    row: int
    column: int
    count: int
    row_total: int

    @property
    def share(self) -> float:
        """The share of the row, in (0, 1]."""
        return self.count / self.row_total


def confusion_picture(matrix: npt.NDArray[np.int64], names: Names) -> Markup:
    """Draw a matrix whose rows are the truth and whose columns are the prediction; the colour is the row's share."""
    left, above = ([shortened(name, LONGEST) for name in side] for side in (names.rows, names.columns))
    layout = Layout.of([*left, *above], len(matrix))
    width, height = layout.left + layout.side + 8, layout.above + layout.side + 8
    cells = element("g", *_cells(matrix, names, layout), transform=f"translate({layout.left} {layout.above})")
    drawing = element(
        "svg",
        element(
            "g",
            *_row_names(left, names, layout),
            *_column_names(above, names, layout),
            style=f"font-size:{layout.letters}px",
        ),
        cells,
        *_axis_names(layout),
        viewBox=f"0 0 {width} {height}",
        style=f"max-width:{width}px;min-width:{LEAST_SCALE * width:.0f}px",
        role="img",
        aria_label="Confusion matrix",
    )
    return element("div", drawing, class_="matrix scroll", style=f"flex-basis:{width}px", tabindex="0")


def _cells(matrix: npt.NDArray[np.int64], names: Names, layout: Layout) -> list[Markup]:
    rows, columns = np.nonzero(matrix)
    totals = matrix.sum(axis=1)
    paper = element("rect", width=layout.side, height=layout.side, class_="paper")
    filled = [
        _cell(Cell(row, column, int(matrix[row, column]), row_total=int(totals[row])), names, layout)
        for row, column in zip(rows.tolist(), columns.tolist(), strict=True)
    ]
    return [paper, element("path", d=_grid(layout), class_="grid"), *filled]


def _grid(layout: Layout) -> str:
    steps = range(0, layout.side + 1, layout.cell)
    return "".join(f"M0 {at}H{layout.side}M{at} 0V{layout.side}" for at in steps)


def _cell(cell: Cell, names: Names, layout: Layout) -> Markup:
    side = layout.cell
    kind = "right" if cell.row == cell.column else "wrong"
    pair = f"{names.rows[cell.row]} predicted as {names.columns[cell.column]}"
    title = f"{pair}: {cell.count:,} of {count(cell.row_total, names.noun)} ({percent(cell.share)})"
    # Even the smallest share is visible on the paper.
    opacity = f"{0.15 + 0.85 * cell.share:.2f}"
    box = element(
        "rect",
        x=cell.column * side + 0.5,
        y=cell.row * side + 0.5,
        width=side - 1,
        height=side - 1,
        class_=kind,
        fill_opacity=opacity,
    )
    return element("g", element("title", title), box, _number(cell, side) if side >= LEGIBLE else "")


def _number(cell: Cell, side: int) -> Markup:
    text = str(cell.count)
    size = min(15.0, side * 0.45, side * 1.4 / len(text))
    shade = "on" if cell.share > 0.45 else "off"
    place = {"x": cell.column * side + side / 2, "y": cell.row * side + side / 2 + size * 0.35}
    return element("text", text, text_anchor="middle", class_=shade, style=f"font-size:{size:.1f}px", **place)


def _row_names(labels: Sequence[str], names: Names, layout: Layout) -> list[Markup]:
    x, first = layout.left - 6.0, layout.above + layout.letters * 0.35
    return [
        element("text", label, element("title", full), text_anchor="end", x=x, y=first + (index + 0.5) * layout.cell)
        for index, (label, full) in enumerate(zip(labels, names.rows, strict=True))
    ]


def _column_names(labels: Sequence[str], names: Names, layout: Layout) -> list[Markup]:
    return [
        _column_name(label, element("title", full), layout.left + (index + 0.5) * layout.cell, layout=layout)
        for index, (label, full) in enumerate(zip(labels, names.columns, strict=True))
    ]


def _column_name(label: str, title: Markup, x: float, layout: Layout) -> Markup:
    y = layout.above - 6.0
    if not layout.upright:
        return element("text", label, title, x=x, y=y, text_anchor="middle")
    turned = f"rotate(-90 {x:.1f} {y:.1f})"
    return element("text", label, title, x=x, y=y, dy=f"{layout.letters * 0.35:.1f}", transform=turned)


def _axis_names(layout: Layout) -> list[Markup]:
    x, y = layout.left + layout.side / 2, layout.above + layout.side / 2
    across = element("text", "predicted", x=x, y=14.0, text_anchor="middle", class_="name")
    down = element("text", "truth", x=12.0, y=y, text_anchor="middle", class_="name", transform=f"rotate(-90 12 {y})")
    return [across, down]
