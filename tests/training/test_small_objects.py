from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from vistry.data.objects import objects_in_memory
from vistry.data.table import Table
from vistry.hyperparameter.values import Hyperparameters
from vistry.loading.detection.views import DetectionTransform
from vistry.registry.tile_grid import TileGrid
from vistry.training.small_objects import small_object_advice

SIDES = {"min_size": 200, "max_size": 400}


def context(grid: TileGrid | None = None, **values: Any) -> Any:
    """What the advice asks of a model: its input, here that of detectors, and its hyperparameters."""
    transform = DetectionTransform(SIDES["min_size"], SIDES["max_size"], grid=grid)
    images = SimpleNamespace(eval_transform=lambda: transform)
    return SimpleNamespace(input=lambda: images, hyperparameters=Hyperparameters.of({**SIDES, **values}))


@pytest.fixture
def table(photo: Callable[..., Path], table_of: Callable[..., Table]) -> Callable[[float], Table]:
    """Ten squares on an image of 800 x 400, which the input halves."""
    image = photo("a.png", size=(800, 400))

    def build(side: float) -> Table:
        boxes = [[10, 10, 10 + side, 10 + side]] * 10
        objects = objects_in_memory([10], boxes, [800], [400])
        return replace(table_of([[0] * 10]), images=[str(image)], objects=objects)

    return build


def test_small_objects_get_a_grid_of_tiles(table: Callable[[float], Table]) -> None:
    (advice,) = small_object_advice(context(tile_grid_size=None), table(8))
    assert "100 % of the objects are under 8 pixels a side at the model's input (median 4.0)" in advice
    assert "try --tile_grid_size 4x2" in advice


def test_with_the_grid_they_are_large_enough(table: Callable[[float], Table]) -> None:
    grid = TileGrid(4, 2)
    assert small_object_advice(context(grid, tile_grid_size=grid), table(8.1)) == []


def test_large_objects_need_no_advice(table: Callable[[float], Table]) -> None:
    assert small_object_advice(context(tile_grid_size=None), table(17)) == []


def test_without_tiles_a_larger_input_helps(table: Callable[[float], Table]) -> None:
    (advice,) = small_object_advice(context(), table(8))
    assert "try --min_size 416" in advice


def test_labels_of_whole_images_have_no_size(table_of: Callable[..., Table]) -> None:
    assert small_object_advice(context(), table_of([[0], [1]])) == []
