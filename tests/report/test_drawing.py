"""Axes, names and elements on their own."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup
from vistry.report.axis import Axis, axis_around, tick_label
from vistry.report.header import readable_time
from vistry.report.lines import Line, over_epochs
from vistry.report.markup import element, name_of
from vistry.report.numbers import count, duration, percent, score
from vistry.report.shortening import shortened, width_of
from vistry.report.table import Number, Share, table


def test_ticks_are_round() -> None:
    assert Axis(0, 1, 0, 100).ticks() == [0, 0.2, 0.4, 0.6, 0.8, 1]
    assert Axis(1, 15, 0, 100, whole=True).ticks() == [5, 10, 15]
    assert Axis(1, 2, 0, 100, whole=True).ticks() == [1, 2]
    assert Axis(0, 0.002, 0, 100).ticks() == [0, 0.0005, 0.001, 0.0015, 0.002]


def test_a_value_has_its_pixel() -> None:
    assert Axis(0, 1, 200, 0).at(0.25) == 150


@given(st.lists(st.floats(-1e6, 1e6), max_size=8), st.booleans())
def test_any_values_fit_their_axis(values: list[float], from_zero: bool) -> None:
    axis = axis_around(values, 0, 100, from_zero=from_zero)
    assert axis.low < axis.high
    assert all(-0.01 <= axis.at(value) <= 100.01 for value in values)
    assert 2 <= len(axis.ticks()) <= 12


@pytest.mark.parametrize(("value", "text"), [(0.1, "0.1"), (1e-5, "1e-05"), (1000.0, "1000"), (0.0, "0")])
def test_tick_labels(value: float, text: str) -> None:
    assert tick_label(value) == text


def test_one_epoch_is_drawn() -> None:
    chart = over_epochs("Loss", "loss", [Line("training", [(1, 0.3)]), Line("validation", [])], 1)
    assert "training: 0.3 at 1" in chart
    assert "validation" not in chart
    assert "nan" not in chart


def test_an_outlier_does_not_flatten_the_rest() -> None:
    chart = over_epochs("Loss", "loss", [Line("validation", [(1, 900.0), (2, 1.0)])], None, from_zero=True, ceiling=2.0)
    assert "validation: 900 at 1" in chart
    assert ">2</text>" in chart
    assert ">900</text>" not in chart


def test_names_are_cut_by_their_width() -> None:
    assert shortened("daisy", 5) == "daisy"
    assert shortened("dandelion", 5) == "dand\N{HORIZONTAL ELLIPSIS}"
    assert width_of("\u65e5\u672c") == 4
    assert shortened("\u65e5\u672c\u8a9e", 5) == "\u65e5\u672c\N{HORIZONTAL ELLIPSIS}"
    assert width_of("e\N{COMBINING ACUTE ACCENT}") == 1


def test_elements_are_escaped() -> None:
    assert (
        element("p", "a < b", class_="x", data_name='"', hidden=None) == '<p class="x" data-name="&#34;">a &lt; b</p>'
    )
    assert element("p", Markup("<b>"), 3) == "<p><b>3</p>"
    assert element("img", src="data:,") == '<img src="data:,">'
    assert name_of("y" * 60).startswith(f'<bdi title="{"y" * 60}">yyy')


def test_numbers() -> None:
    assert (score(None), score(math.nan), score(0.5)) == ("\N{EN DASH}", "\N{EN DASH}", "0.500")
    assert (count(1, "class", "classes"), count(1204, "image")) == ("1 class", "1,204 images")
    assert percent(0.1234) == "12.3\N{NO-BREAK SPACE}%"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0s"), (59.4, "59s"), (59.6, "1m00s"), (192, "3m12s"), (3599.4, "59m59s"), (3600, "1h00m"), (7530, "2h05m")],
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_a_table_puts_numbers_at_the_right() -> None:
    html = table(("name", "n", "share", "x"), [("a", 1204, Share(0.5), Number("7"))], sortable=True)
    assert '<td class="number">1,204</td>' in html
    assert '<td class="number share" style="--share:50.0%">0.500</td>' in html
    assert html.count('<th scope="col" class="number">') == 3
    assert "scroll tall" in table(("n",), [(number,) for number in range(40)])


@pytest.mark.parametrize(("stamp", "text"), [("2026-03-05T14:07:12+0000", "5 March 2026, 14:07"), ("then", "then")])
def test_readable_time(stamp: str, text: str) -> None:
    assert readable_time(stamp) == text
