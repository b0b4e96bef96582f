"""docs/explanation/registry-comparison.md says of timm, of torchvision and of Vistry what is so."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import pytest
import timm
from torchvision import models
from vistry.registry.filters import FILTER_NAMES

PAGE = (Path(__file__).parents[2] / "docs" / "explanation" / "registry-comparison.md").read_text()
ROWS = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in PAGE.splitlines() if line.startswith("|")]
OWN, TIMM, TORCHVISION = (" ".join(row[column] for row in ROWS[2:]) for column in (1, 2, 3))


def parameters(function: Callable[..., object]) -> set[str]:
    return set(inspect.signature(function).parameters)


def test_the_versions_are_those_that_are_installed() -> None:
    for name in ("timm", "torchvision"):
        assert f"{name} {version(name).partition('+')[0]}" in PAGE


def test_what_each_can_be_asked_is_its_own() -> None:
    assert set(re.findall(r"`(\w+)=", OWN)) <= {*FILTER_NAMES, "sort"}
    assert set(re.findall(r"`(\w+)=", TIMM)) <= parameters(timm.list_models)
    assert {"module", "exclude"} <= set(re.findall(r"`(\w+)=", TORCHVISION)) <= parameters(models.list_models)
    for asked in ("license", "task", "sort", "min_parameters", "published", "input_size"):
        assert asked not in parameters(timm.list_models) | parameters(models.list_models)


def test_what_each_knows_of_weights() -> None:
    config = timm.get_pretrained_cfg("resnet50")
    for name in ("license", "input_size", "test_input_size", "crop_pct", "interpolation", "paper_ids", "origin_url"):
        assert getattr(config, name)
        assert name in PAGE
    weights = models.get_model_weights("resnet50").DEFAULT
    for name in ("num_params", "min_size", "_metrics", "_ops", "_file_size", "recipe"):
        assert name in weights.meta
        assert name in PAGE
    assert "license" not in weights.meta
    assert weights.transforms().resize_size


def test_what_is_said_of_a_name_that_does_not_exist() -> None:
    assert (
        timm.list_models("no_such*") == timm.list_models(module="nope") == models.list_models(include="nothing") == []
    )
    with pytest.raises(RuntimeError, match=r"Unknown model \(resnt50\)"):
        timm.create_model("resnt50")
    assert f"{len(timm.list_models()):,} architectures" in PAGE
