"""A grid of tiles as a value: how it is written, and what isn't one."""

from __future__ import annotations

import re

import pytest
from vistry.registry.field_spec import FieldSpec
from vistry.registry.tile_grid import PATTERN, TileGrid

FIELD = FieldSpec(type="grid", description="d")


@pytest.mark.parametrize("text", ["3x2", "3X2", "(3, 2)", "3,2", " 3 x 2 "])
def test_a_grid_as_it_is_written(text: str) -> None:
    assert FIELD.parse(text) == TileGrid.parse(text) == TileGrid(columns=3, rows=2)
    assert re.fullmatch(PATTERN, text.strip())


def test_a_grid_survives_its_text() -> None:
    grid = TileGrid(11, 1)
    assert str(grid) == "11x1"
    assert TileGrid.parse(str(grid)) == FIELD.parse(grid) == FIELD.from_json("11x1") == grid


@pytest.mark.parametrize("text", ["", "3", "3x", "x2", "0x2", "3x0", "3x2x1", "-3x2", "3.5x2", "three by two", "3*2"])
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=rf"^a grid must be COLUMNSxROWS such as 3x2, got '{re.escape(text)}'$"):
        TileGrid.parse(text)


@pytest.mark.parametrize("text", ["1x1", "(1, 1)"])
def test_one_tile_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"^a grid must have at least two tiles, got 1x1; use 2x1 or larger$"):
        TileGrid.parse(text)
    with pytest.raises(ValueError, match=r"^must be a grid of at least two tiles such as '3x2'$"):
        FIELD.parse(text)


@pytest.mark.parametrize("value", [True, 3, 3.2, [3, 2], (3, 2), {"columns": 3}])
def test_other_values_are_refused(value: object) -> None:
    with pytest.raises(ValueError, match="must be a grid"):
        FIELD.parse(value)
