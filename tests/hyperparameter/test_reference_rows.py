"""Every row of the reference's tables against the schemas: name, range, default, exceptions."""

from __future__ import annotations

from pathlib import Path
from runpy import run_path
from typing import Any

import pytest
import vistry
from vistry.errors import HyperparameterError
from vistry.hyperparameter.schema import Schema, Source
from vistry.registry.catalogue import Catalogue

REFERENCE = run_path(str(Path(__file__).with_name("reference_rows.py")))
BEYOND = {"weights", "number_of_workers", "random_seed", "deterministic", "precision"}
BEYOND_IN_TASK = {key: {"apply_augmentations"} for key in ("image_object_detection", "image_instance_segmentation")}
BEYOND_IN_FAMILY = {
    "mobilenetv2": {"weights_convention"},
    "yolov5": {"apply_mosaic"},
    **{key: {"backbone_norm"} for key in ("fasterrcnn", "retinanet", "maskrcnn")},
}
CASES = [(model, task) for task, models in REFERENCE["MODELS"].items() for model, family in models.items()]
SHARED = [(None, task) for task in REFERENCE["ALL"]]
# of each rule: values that are in range, and values that are not
PROBES: dict[Any, tuple[list[Any], list[Any]]] = {
    "positive integer": ([3, 5], [0, -1, 2.5, "many"]),
    "float in [0, 1]": ([0, 0.25, 1], [-0.001, 1.001, "much"]),
    "float in [0.1, 1]": ([0.1, 0.25, 1], [0.099, 1.001]),
    "float in [0, 1)": ([0, 0.25, 0.999], [-0.001, 1]),
    "0 or 1": ([0, 1, True, False], [2, -1, "maybe"]),
    "'3x2'": (["3x2", "1x2"], ["3", "0x2", "axb", "3x2x1"]),
    "any": (["some-run"], []),
}


def accepts(schema: Schema, name: str, value: Any) -> bool:
    try:
        schema.resolve([Source.of({name: value}, "the test")])
    except HyperparameterError as error:
        return all(problem.field != name or "must be" not in problem.message for problem in error.problems)
    return True


@pytest.mark.parametrize(("model", "task"), [*SHARED, *CASES])
def test_names_are_the_references(model: str | None, task: str) -> None:
    expected = {row.name for row in REFERENCE["rows_of"](model, task)} | BEYOND
    family = REFERENCE["MODELS"][task].get(model)
    expected |= BEYOND_IN_TASK.get(task, set()) | BEYOND_IN_FAMILY.get(family, set())
    assert set(vistry.hyperparameters(model, task).fields) == expected


@pytest.mark.parametrize(("model", "task"), [*SHARED, *CASES])
def test_defaults_are_the_references(model: str | None, task: str) -> None:
    defaults = vistry.hyperparameters(model, task).defaults()
    for row in REFERENCE["rows_of"](model, task):
        expected = REFERENCE["default_of"](row, model, task)
        assert defaults[row.name] == expected, row.name


@pytest.mark.parametrize(("model", "task"), [*SHARED, *CASES])
def test_ranges_are_the_references(model: str | None, task: str) -> None:
    schema = vistry.hyperparameters(model, task)
    for row in REFERENCE["rows_of"](model, task):
        good, bad = (list(row.rule), ["none of them"]) if isinstance(row.rule, tuple) else PROBES[row.rule]
        if row.name in ("training_crop_size", "validation_crop_size") and REFERENCE["MODELS"][task].get(model) == "vit":
            good = [16, 200]  # a patch at least
        if fixed := REFERENCE["FIXED_SIZES"].get(model, {}).get(row.name):
            good, bad = [fixed], [*bad, fixed - 32, fixed + 32]
        assert [value for value in good if not accepts(schema, row.name, value)] == [], row.name
        assert [value for value in bad if accepts(schema, row.name, value)] == [], row.name


@pytest.mark.parametrize(("model", "task"), CASES)
def test_layers_to_freeze_are_the_references(model: str, task: str) -> None:
    family = REFERENCE["MODELS"][task][model]
    groups = [group if isinstance(group, tuple) else (group,) for group in REFERENCE["LAYERS_TO_FREEZE"][family]]
    if model == "vitl16r224":
        groups += [(f"blocks.{number}.",) for number in range(12, 24)]
    assert list(vistry.layers_to_freeze(model)) == groups
    assert vistry.hyperparameters(model, task).fields["layers_to_freeze"].spec.maximum == len(groups)


@pytest.mark.parametrize("task", REFERENCE["ALL"])
def test_every_model_of_an_installed_family_is_there(task: str) -> None:
    expected = {model for model, case_task in CASES if case_task == task}
    assert expected <= {card.name for card in vistry.models(task=task)}


@pytest.mark.parametrize("task", REFERENCE["ALL"])
def test_the_default_model_is_the_references(task: str) -> None:
    expected = REFERENCE["DEFAULT_MODELS"][task]
    found = Catalogue.read().default_model(task)
    assert found is not None
    assert found.name == expected


def test_every_family_of_the_reference_is_installed() -> None:
    installed = {plugin.name for plugin in vistry.plugins()}
    assert {family for models in REFERENCE["MODELS"].values() for family in models.values()} <= installed
