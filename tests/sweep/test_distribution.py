"""Distributions by their quantiles, against scipy's."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from vistry.sweep.distribution import Distribution

CASES: list[tuple[Distribution, Any]] = [
    (Distribution(kind="uniform", low=-2, high=5), stats.uniform(-2, 7)),
    (Distribution(kind="loguniform", low=1e-4, high=0.5), stats.loguniform(1e-4, 0.5)),
    (Distribution(kind="normal", mean=3, deviation=2), stats.norm(3, 2)),
    (Distribution(kind="lognormal", mean=-5, deviation=0.5), stats.lognorm(0.5, scale=math.exp(-5))),
]


@pytest.mark.parametrize(("one", "other"), CASES, ids=[one.kind for one, _ in CASES])
def test_quantiles_and_shares_are_scipys(one: Distribution, other: Any) -> None:
    for unit in (0.001, 0.1, 0.5, 0.9, 0.999):
        assert one.value(unit) == pytest.approx(other.ppf(unit), rel=1e-9)
        assert one.unit(float(other.ppf(unit))) == pytest.approx(unit, rel=1e-9)


def test_the_tails_of_normal_kinds_have_an_end() -> None:
    normal = Distribution(kind="normal")
    assert normal.value(0) == pytest.approx(stats.norm.ppf(1e-6), rel=1e-6)
    assert normal.ends() == (normal.value(0), normal.value(1))


@given(
    low=st.integers(-50, 50),
    width=st.integers(0, 60),
    step=st.sampled_from([None, 1, 5, 32]),
    unit=st.floats(0, 1),
)
def test_steps_stay_inside(low: int, width: int, step: int | None, unit: float) -> None:
    one = Distribution(kind="uniform", low=low, high=low + width, step=step, is_integer=True)
    grid = one.grid()
    assert grid is not None
    assert list(grid) == [number for number in range(low, low + width + 1) if number % (step or 1) == 0]
    if grid:
        value = one.value(unit)
        assert type(value) is int
        assert value in grid
        back = one.unit(value)
        assert back is not None
        assert one.value(back) == value


def test_each_of_a_choice_is_as_likely() -> None:
    one = Distribution(kind="choice", choices=("a", None, True, 1))
    drawn = [one.value(float(unit)) for unit in (np.arange(400) + 0.5) / 400]
    assert [sum(value is choice for value in drawn) for choice in one.choices] == [100] * 4
    assert [one.unit(choice) for choice in one.choices] == [0.125, 0.375, 0.625, 0.875], "1 and True are two"
    assert one.unit("b") is None
    assert one.value(1.0) == 1
    assert one.grid() == one.ends() == one.choices


def test_what_is_outside_has_no_place() -> None:
    one = Distribution(kind="uniform", low=0, high=1)
    assert (one.unit(-0.1), one.unit(1.1), one.unit("x"), one.unit(None)) == (None,) * 4
    assert one.grid() is None
    assert Distribution(kind="lognormal").unit(-1) == 0
