"""Strangers' plugins, installed by pip beside ours, whose models have the names of our backbones."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from runpy import run_path
from typing import Any

import pytest

SHAPES = Path(__file__).parents[1] / "frozen" / "shapes" / "det.jsonl"
write_wheel = run_path(str(Path(__file__).with_name("conftest.py")))["write_wheel"]
MANIFEST = """manifest = 1
api = "1.0"
hooks = "{package}.hooks"
license = "GPL-3.0-only"
summary = "A stranger's"
tasks = ["image_classification"]
backends = ["torch"]
{more}
[models.{model}]
summary = "A stranger's"
parameters = 10
{of_model}
"""
MAPS = "feature_maps = { channels = [8, 8, 8, 8], strides = [4, 8, 16, 32], parameters = 100 }"
NORM = """
[hyperparameters.backbone_norm]
type = "flag"
default = 0
description = "A name that the detectors have."
"""
HOOKS = """from vistry.plugin import hookimpl

@hookimpl
def vistry_build_model():
    raise RuntimeError("a stranger's model was built")
"""


@pytest.fixture(scope="module")
def environment(
    make_environment: Callable[..., Any], wheels: dict[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> Any:
    folder = tmp_path_factory.mktemp("strangers")

    def stranger(name: str, model: str, more: str = "", of_model: str = "") -> Path:
        package = f"vistry_{name}"
        manifest = MANIFEST.format(package=package, model=model, more=more, of_model=of_model)
        files = {f"{package}/__init__.py": "", f"{package}/plugin.toml": manifest, f"{package}/hooks.py": HOOKS}
        wheel: Path = write_wheel(folder, f"vistry-{name}", files, f"{package}:plugin.toml")
        return wheel

    ours = [wheels[f"vistry-{name}"] for name in ("resnet", "fasterrcnn", "maskrcnn", "retinanet")]
    return make_environment(
        wheels["vistry"],
        *ours,
        stranger("plain", "resnet50"),
        stranger("fitting", "resnet50", of_model=MAPS),
        stranger("clashing", "clashnet", more=NORM, of_model=MAPS),
    )


@pytest.fixture(scope="module")
def models(environment: Any) -> dict[str, Any]:
    return {model["full_name"]: model for model in environment.json("models")["models"]}


@pytest.mark.parametrize("family", ["fasterrcnn", "maskrcnn", "retinanet"])
def test_our_detectors_stand_on_our_backbones(family: str, environment: Any, models: dict[str, Any]) -> None:
    name = f"{family}_resnet50_fpn"
    model = models[f"{family}/{name}"]
    assert (model["backbone"], model["license"]) == ("resnet/resnet50", "Apache-2.0")
    assert set(model["weights"]) == {"imagenet", "imagenet_safetensors", "coco"}
    assert environment.json("models", "show", name)["model"] == model


def test_a_strangers_that_fits_is_named_after_its_family_and_under_both_licences(models: dict[str, Any]) -> None:
    model = models["fasterrcnn/fasterrcnn_fitting.resnet50_fpn"]
    assert (model["backbone"], model["license"]) == ("fitting/resnet50", "Apache-2.0 AND GPL-3.0-only")
    assert (model["weights"], model["default_for"]) == ({}, [])
    assert model["parameters"] == 100 + 17317334 + 256 * 32


def test_one_that_defines_a_detectors_hyperparameter_hurts_no_other(environment: Any, models: dict[str, Any]) -> None:
    assert not [name for name in models if name.endswith("clashnet_fpn")]
    done = environment.run("vistry", "models", "show", "fasterrcnn_clashnet_fpn")
    [site] = environment.folder.glob("lib/python*/site-packages")
    assert done.returncode == 2
    for package, line in (("vistry_fasterrcnn", 15), ("vistry_clashing", 9)):
        assert f"{site}/{package}/plugin.toml:{line}" in done.stderr
    states = {plugin["name"]: plugin["state"] for plugin in environment.json("plugins")["plugins"]}
    assert states["clashing"] == "conflict"
    assert states["fitting"] == states["plain"] == "conflict"  # a short name of two, as before: say resnet/resnet50


def test_the_default_detector_is_planned(environment: Any) -> None:
    small = ("--min_size", "64", "--max_size", "96", "--training_batch_size", "1", "--weights", "none")
    done = environment.run("vistry", "train", "--task", "detection", "--data", str(SHAPES), "--dry-run", *small)
    assert done.returncode == 0, done.stderr
    assert "fasterrcnn/fasterrcnn_resnet50_fpn" in done.stdout
