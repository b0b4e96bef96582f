from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from vistry.sweep.coordinates import ARM, Coordinates
from vistry.sweep.distribution import Distribution
from vistry.sweep.space import Group, ModelDefaults, Space


def choice(*choices: Any) -> Distribution:
    return Distribution(kind="choice", choices=choices)


DISTRIBUTIONS = {
    "rate": Distribution(kind="loguniform", low=1e-5, high=1.0),
    "momentum": Distribution(kind="uniform", low=-0.5, high=0.9),
    "epochs": Distribution(kind="uniform", low=5, high=30, is_integer=True),
    "size": Distribution(kind="uniform", low=416, high=832, step=64, is_integer=True),
    "spread": Distribution(kind="normal", mean=3.0, deviation=2.0),
    "decay": Distribution(kind="lognormal", mean=-7.0, deviation=1.0),
    "layers": choice(3, None, 1),
    "name": choice("b", "a", "c"),
    "flag": choice(True, False),
    "fixed": choice(7),
}
WHOLE = Space(
    groups=(
        Group(models=("f/a", "f/b"), parameters=DISTRIBUTIONS),
        Group(
            models=("f/c",),
            parameters={"name": choice("x", "y"), "rate": choice(0.1, 0.01), "flag": choice(True, False)},
        ),
    )
)
WHOLE_COORDINATES = Coordinates(WHOLE)
RELATIVE = Space(
    groups=(
        Group(
            models=("f/a",),
            parameters={
                "learning_rate": Distribution(kind="loguniform", low=0.1, high=5.0, is_relative=True),
                "optimizer": choice("sgd", "adamw"),
            },
        ),
    ),
    defaults={
        "f/a": ModelDefaults(
            values={"learning_rate": 0.01, "optimizer": "sgd", "number_of_epochs": 15},
            rates={"sgd": 0.01, "adamw": 0.0005},
        )
    },
)

units = st.floats(0, 1, exclude_max=True, allow_nan=False)


@given(numbers=st.lists(units, min_size=WHOLE_COORDINATES.dimensions, max_size=WHOLE_COORDINATES.dimensions))
def test_the_values_of_a_point_have_a_point_with_the_same_values(numbers: list[float]) -> None:
    group, model, values = WHOLE_COORDINATES.place(WHOLE_COORDINATES.from_units(numbers))
    assert set(values) == set(WHOLE.groups[group].parameters)
    point = WHOLE_COORDINATES.point(group, model, values)
    assert point is not None
    assert all(0 <= point[name] <= 1 for name in WHOLE_COORDINATES.numeric)
    again = WHOLE_COORDINATES.place(point)
    assert again[:2] == (group, model)
    for name, value in values.items():
        drawn = again[2][name]
        if isinstance(value, float):
            assert drawn == pytest.approx(value, rel=2e-3)
        else:
            assert (type(drawn), drawn) == (type(value), value)


def test_what_has_an_order_is_a_number_and_shared() -> None:
    coordinates = Coordinates(WHOLE)
    assert set(coordinates.numeric) == {"rate", "momentum", "epochs", "size", "spread", "decay", "layers"}
    assert coordinates.categorical == {ARM: 3, "name@0": 3, "flag": 2, "name@1": 2}
    layers = [
        coordinates.place({**coordinates.from_units([0.0] * 11), "layers": unit})[2]["layers"] for unit in (0, 0.5, 0.9)
    ]
    assert layers == [None, 1, 3], "unset is fewer than any number"


def test_a_rate_is_relative_to_that_of_the_optimiser_drawn() -> None:
    coordinates = Coordinates(RELATIVE)
    middle = coordinates.from_units([0.0] * coordinates.dimensions)
    for label, rate in ((0.0, 0.01), (1.0, 0.0005)):
        _, _, lowest = coordinates.place({**middle, "optimizer": label, "learning_rate": 0.0})
        _, _, highest = coordinates.place({**middle, "optimizer": label, "learning_rate": 1.0})
        assert (lowest["learning_rate"], highest["learning_rate"]) == (
            pytest.approx(rate / 10),
            pytest.approx(rate * 5),
        )
    same = [
        coordinates.point(0, "f/a", {"optimizer": optimizer, "learning_rate": 2 * rate})
        for optimizer, rate in (("sgd", 0.01), ("adamw", 0.0005))
    ]
    assert same[0] is not None
    assert same[1] is not None
    assert same[0]["learning_rate"] == pytest.approx(same[1]["learning_rate"])


def test_what_an_edited_space_holds_no_more_has_no_point() -> None:
    coordinates = Coordinates(RELATIVE)
    assert coordinates.point(0, "f/a", {"optimizer": "sgd", "learning_rate": 0.01}) is not None
    assert coordinates.point(0, "f/a", {"optimizer": "sgd", "learning_rate": 0.06}) is None
    assert coordinates.point(0, "f/a", {"optimizer": "lion", "learning_rate": 0.01}) is None
    assert coordinates.point(0, "f/a", {"optimizer": "sgd"}) is None
    assert coordinates.point(0, "f/b", {"optimizer": "sgd", "learning_rate": 0.01}) is None
    assert coordinates.point(1, "f/a", {"optimizer": "sgd", "learning_rate": 0.01}) is None


def test_numbers_are_drawn_to_four_digits_and_stay_in_range() -> None:
    space = Space(
        groups=(Group(models=("m",), parameters={"x": Distribution(kind="uniform", low=0.123456, high=0.123459)}),)
    )
    coordinates = Coordinates(space)
    for unit in (0.0, 0.5, 1.0):
        value = coordinates.place({ARM: 0, "x": unit})[2]["x"]
        assert isinstance(value, float)
        assert 0.123456 <= value <= 0.123459
    _, _, values = Coordinates(WHOLE).place({**Coordinates(WHOLE).from_units([0.3] * 11)})
    assert len(str(values["momentum"]).lstrip("-0.")) <= 4


def test_how_many_trials_there_are() -> None:
    finite = {"name": choice("a", "b"), "size": DISTRIBUTIONS["size"], "fixed": choice(1)}
    assert Coordinates(Space(groups=(Group(models=("a", "b"), parameters=finite),))).size == 2 * 2 * 7
    assert Coordinates(WHOLE).size is None
    assert Coordinates(Space(groups=(Group(models=("a",), parameters={}),))).size == 1


def test_a_default_is_the_models_own_or_the_nearest_there_is() -> None:
    own = {"learning_rate": 0.01, "optimizer": "sgd", "layers": None, "epochs": 15, "size": 500, "flag": 1}
    defaults = {"m": ModelDefaults(values=own, rates={"sgd": 0.01, "adamw": 0.0005})}

    def default(**parameters: Distribution) -> tuple[Any, bool]:
        group = Group(models=("m",), parameters=parameters)
        return Coordinates(Space(groups=(group,), defaults=defaults)).default(0, "m")

    relative = RELATIVE.groups[0].parameters["learning_rate"]
    assert default(learning_rate=relative) == ({"learning_rate": 0.01}, True)
    fixed = default(learning_rate=relative, optimizer=choice("adamw"))
    assert fixed == ({"learning_rate": 0.0005, "optimizer": "adamw"}, True)
    assert default(learning_rate=replace(relative, low=2.0))[1] is False
    absolute = Distribution(kind="loguniform", low=0.02, high=0.1)
    assert default(learning_rate=absolute) == ({"learning_rate": pytest.approx(0.02)}, False)
    assert default(epochs=choice(5, 12, 30)) == ({"epochs": 12}, False)
    assert default(layers=choice(2, None)) == ({"layers": None}, True)
    assert default(optimizer=choice("adam", "adamw")) == ({"optimizer": "adam"}, False)
    assert default(size=Distribution(kind="uniform", low=64, high=640, step=64, is_integer=True)) == (
        {"size": 512},
        False,
    )
    assert default() == ({}, True)
