"""Core and one plugin in an empty environment: their wheels are complete and nothing else is needed."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="module")
def environment(make_environment: Callable[..., Any], wheels: dict[str, Path]) -> Any:
    return make_environment(wheels["vistry"], wheels["vistry-mobilenetv2"])


def test_a_wheel_holds_every_file_of_its_package(wheels: dict[str, Path]) -> None:
    checkout = Path(__file__).parents[2]
    for folder in (checkout / "core", *(path.parent for path in checkout.glob("plugins/*/pyproject.toml"))):
        [package] = [path.parent.name for path in folder.glob("vistry*/__init__.py")]
        there = {
            path.relative_to(folder).as_posix()
            for path in (folder / package).rglob("*")
            if path.is_file() and "__pycache__" not in path.parts
        }
        packed = zipfile.ZipFile(wheels[package.replace("_", "-")]).namelist()
        assert {name for name in packed if ".dist-info/" not in name} == there
        assert package == "vistry" or [name for name in packed if re.fullmatch(rf"{package}/\w+\.toml", name)]


def test_core_comes_from_its_wheel(environment: Any) -> None:
    where = environment.python("import vistry; print(vistry.__file__)")
    assert Path(where).is_relative_to(environment.folder)


def test_only_that_family_is_present(environment: Any) -> None:
    assert [model["full_name"] for model in environment.json("models")["models"]] == ["mobilenetv2/mobilenetv2"]
    assert [plugin["name"] for plugin in environment.json("plugins")["plugins"]] == ["mobilenetv2"]
    unknown = environment.run("vistry", "models", "show", "resnet50")
    assert (unknown.returncode, unknown.stdout) == (2, "")
    assert unknown.stderr.startswith("error: there is no model 'resnet50'; ")


def test_its_hyperparameters_are_there(environment: Any) -> None:
    found = environment.json("hyperparameters", "mobilenetv2", "--task", "multiclass")
    by_name = {field["name"]: field for field in found["hyperparameters"]}
    assert by_name["layers_to_freeze"]["maximum"] == 19
    assert by_name["training_batch_size"]["default"] == 78


def test_its_code_is_whole(environment: Any) -> None:
    assert environment.run("vistry", "plugins", "check").returncode == 0
    made = environment.python(
        "import vistry; model = vistry.create('mobilenetv2', task='multiclass', num_classes=3); "
        "print(model.classifier[-1].out_features)"
    )
    assert made == "3"
