"""Ticks and pixels of an axis."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from vistry.report.axis import Axis, axis_around, tick_label


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
