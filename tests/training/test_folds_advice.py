"""Folds are proposed for small data of which a part was drawn to validate, and for no other."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest
from vistry.training.folds_advice import folds_advice


def plan(images: int, way: str = "drawn") -> Any:
    validation = images // 5
    return cast(
        Any,
        SimpleNamespace(
            training=range(images - validation), validation=range(validation), split=SimpleNamespace(way=way)
        ),
    )


def test_it_says_what_folds_are_good_for() -> None:
    text = folds_advice(plan(100))
    assert text.startswith("of 100 images 20 are measured on, which says little; --folds 5 measures on each once")


@pytest.mark.parametrize(("images", "way"), [(500, "drawn"), (8, "drawn"), (100, "given"), (100, "apart")])
def test_it_is_not_for_all(images: int, way: str) -> None:
    assert folds_advice(plan(images, way)) == ""
