"""Reading one value: properties over all fields of all shared tables, and the forms people write."""

from __future__ import annotations

import math
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from vistry.hyperparameter.offer import shared_fields
from vistry.hyperparameter.values import format_as_typed, format_value
from vistry.registry.field_spec import FieldSpec
from vistry.registry.tile_grid import TileGrid

FIELDS = {name: shared.spec for name, shared in shared_fields().items()}
NUMERIC = sorted(name for name, spec in FIELDS.items() if spec.type in ("integer", "number"))
BOUNDED = sorted(name for name in NUMERIC if FIELDS[name].minimum is not None)
FLAGS = sorted(name for name, spec in FIELDS.items() if spec.type == "flag")
CHOICES = sorted(name for name, spec in FIELDS.items() if spec.type == "choice")


def in_range(spec: FieldSpec) -> st.SearchStrategy[float]:
    if spec.type == "integer":
        high = None if spec.maximum is None else int(spec.maximum)
        return st.integers(int(spec.minimum or 0), high)
    return st.floats(
        spec.minimum,
        spec.maximum if spec.below is None else spec.below,
        exclude_max=spec.below is not None,
    )


def refused(spec: FieldSpec, value: Any) -> bool:
    try:
        spec.parse(value)
    except ValueError as error:
        return str(error) == f"must be {spec.rule}"
    return False


@given(st.data(), st.sampled_from(NUMERIC))
def test_a_value_in_range_survives_its_text(data: st.DataObject, name: str) -> None:
    value = data.draw(in_range(FIELDS[name]))
    assert FIELDS[name].parse(str(value)) == value
    assert FIELDS[name].parse(value) == value
    assert FIELDS[name].parse(format_value(FIELDS[name].parse(value))) == value


@given(st.data(), st.sampled_from(BOUNDED))
def test_a_value_below_the_range_is_refused(data: st.DataObject, name: str) -> None:
    low = FIELDS[name].minimum
    assert low is not None
    value = data.draw(st.floats(max_value=low, exclude_max=True, allow_nan=False))
    assert refused(FIELDS[name], value)
    assert refused(FIELDS[name], str(value))


@given(st.data(), st.sampled_from([name for name in BOUNDED if FIELDS[name].type == "number"]))
def test_a_value_above_the_range_is_refused(data: st.DataObject, name: str) -> None:
    spec = FIELDS[name]
    bound = spec.maximum if spec.below is None else spec.below
    value = data.draw(st.floats(min_value=bound, exclude_min=spec.below is None, allow_nan=False))
    assert refused(spec, value)


@given(st.sampled_from([name for name in NUMERIC if FIELDS[name].type == "integer"]), st.integers(3, 10**9))
def test_a_whole_number_may_be_written_with_a_point(name: str, value: int) -> None:
    spec = FIELDS[name]
    assert [spec.parse(form) for form in (value, float(value), str(value), f" {value}.0 ", f"+{value}")] == [value] * 5
    assert all(type(spec.parse(form)) is int for form in (float(value), f"{value}.0"))
    assert refused(spec, value + 0.5)
    assert refused(spec, f"{value}.5")


@given(st.sampled_from(FLAGS), st.sampled_from(["1", "true", "True", "YES", "on", "t", "y", " 1 "]))
def test_a_flag_that_is_on(name: str, word: str) -> None:
    assert [FIELDS[name].parse(form) for form in (word, 1, 1.0, True)] == [True] * 4


@given(st.sampled_from(FLAGS), st.sampled_from(["0", "false", "False", "NO", "off", "f", "n"]))
def test_a_flag_that_is_off(name: str, word: str) -> None:
    assert [FIELDS[name].parse(form) for form in (word, 0, 0.0, False)] == [False] * 4


@given(st.sampled_from(FLAGS), st.one_of(st.integers().filter(lambda n: n not in (0, 1)), st.text()))
def test_a_flag_is_nothing_else(name: str, value: Any) -> None:
    words = {"1", "true", "t", "yes", "y", "on", "0", "false", "f", "no", "n", "off"}
    if str(value).strip().casefold() not in words:
        assert refused(FIELDS[name], value)


@given(st.data(), st.sampled_from(CHOICES))
def test_a_choice_in_any_case(data: st.DataObject, name: str) -> None:
    spec = FIELDS[name]
    choice = data.draw(st.sampled_from(spec.choices or ()))
    assert spec.parse(choice) == choice
    assert spec.parse(str(choice).upper()) == choice
    assert refused(spec, f"{choice}{choice}!")


@given(st.sampled_from(NUMERIC), st.sampled_from(["nan", "inf", "-inf", "infinity", "1_000", "0x10", "1,5", "\u0661"]))
def test_other_spellings_of_numbers_are_refused(name: str, text: str) -> None:
    assert refused(FIELDS[name], text)


@pytest.mark.parametrize("name", NUMERIC)
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, True, [], {}, b"1", 10**400])
def test_what_is_no_number_is_refused(name: str, value: Any) -> None:
    if value == 10**400 and FIELDS[name].type == "integer":
        assert FIELDS[name].parse(value) == value
    else:
        assert refused(FIELDS[name], value)


def test_numbers_of_other_libraries() -> None:
    assert FIELDS["number_of_epochs"].parse(np.int64(7)) == 7
    assert FIELDS["momentum"].parse(np.float32(0.5)) == 0.5
    assert FIELDS["momentum"].parse(Fraction(1, 4)) == 0.25
    assert type(FIELDS["number_of_epochs"].parse(np.float64(7))) is int


def test_a_number_too_large_for_a_float() -> None:
    spec = FieldSpec(type="number", description="d")
    assert refused(spec, 10**400)
    assert refused(spec, "1e999")


@pytest.mark.parametrize("unset", [None, "none", "NULL", "", "  "])
def test_unset(unset: str | None) -> None:
    assert FIELDS["layers_to_freeze"].parse(unset) is None
    assert refused(FIELDS["number_of_epochs"], unset)
    assert refused(FIELDS["training_batch_size"], unset)


def test_text() -> None:
    assert FIELDS["weights"].parse(Path("a/b.safetensors")) == "a/b.safetensors"
    assert FIELDS["checkpoint_run_id"].parse(20260102) == "20260102"
    assert refused(FIELDS["weights"], True)
    assert refused(FIELDS["weights"], " ")
    assert refused(FIELDS["weights"], 1.5)


def test_tile_grids() -> None:
    assert FIELDS["tile_grid_size"].parse("(3, 2)") == TileGrid(3, 2)
    assert FIELDS["tile_grid_size"].parse(" 10 x 1 ") == TileGrid(10, 1)
    assert format_value(FIELDS["tile_grid_size"].parse("3X2")) == "3x2"


@pytest.mark.parametrize("text", ["3", "3x", "x2", "0x2", "3x2x1", "-3x2", "3.5x2", "3x2\n4x4"])
def test_what_is_no_tile_grid(text: str) -> None:
    assert refused(FIELDS["tile_grid_size"], text)


@pytest.mark.parametrize(
    ("keys", "rule"),
    [
        ({"type": "flag"}, "0 or 1"),
        ({"type": "choice", "choices": ("a",)}, "a"),
        ({"type": "choice", "choices": (0, 1, 2)}, "0, 1 or 2"),
        ({"type": "string"}, "text"),
        ({"type": "grid"}, "a grid of at least two tiles such as '3x2'"),
        ({"type": "string", "pattern": "a+", "example": "aa"}, "text such as 'aa'"),
        ({"type": "integer"}, "an integer"),
        ({"type": "integer", "minimum": 1}, "an integer of at least 1"),
        ({"type": "number", "maximum": 0.5}, "a number of at most 0.5"),
        ({"type": "number", "above": 0}, "a number above 0"),
        ({"type": "number", "below": 1}, "a number below 1"),
        ({"type": "number", "minimum": 0, "maximum": 1}, "a number in [0, 1]"),
        ({"type": "number", "above": 0, "below": 1}, "a number in (0, 1)"),
    ],
)
def test_rules_in_words(keys: dict[str, Any], rule: str) -> None:
    assert FieldSpec(description="d", **keys).rule == rule


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_shown_number_is_exact(value: float) -> None:
    assert float(format_value(value)) == value


def test_shown() -> None:
    assert [format_value(value) for value in (None, True, False, 3, 0.0001, "sgd")] == [
        "unset",
        "1",
        "0",
        "3",
        "0.0001",
        "sgd",
    ]
    assert [format_as_typed(value) for value in (None, True, "3", 3, [1])] == ["null", "true", "'3'", "3", "[1]"]
