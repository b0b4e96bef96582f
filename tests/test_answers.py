"""The JSON Schemas of `vistry schema`, held against what the commands print."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import vistry
from click.testing import CliRunner
from jsonschema import Draft202012Validator, ValidationError
from vistry.answers import ANSWERS
from vistry.cli import main

QUESTIONS = {
    "models": [["models"], ["models", "--family", "resnet"], ["models", "--name", "nothing"]],
    "model": [["models", "show", name] for name in ("seresnext", "vits16r224", "yolov5", "maskrcnn_resnet50_fpn")],
    "model_comparison": [["models", "compare", "seresnext", "vits16r224", "maskrcnn_resnet50_fpn"]],
    "plugins": [["plugins"]],
    "plugin": [["plugins", "show", "resnet"], ["plugins", "show", "broken"]],
    "tasks": [["tasks"]],
    "task": [["tasks", "show", "detection"]],
    "hyperparameters": [
        ["hyperparameters", "resnet50", "--task", "multiclass", "--momentum", "0.5"],
        ["hyperparameters", "yolov5"],
        ["hyperparameters", "--task", "segmentation"],
    ],
    "hyperparameter": [
        ["hyperparameters", "show", "tile_grid_size", "--task", "detection"],
        ["hyperparameters", "show", "training_crop_size", "--model", "seresnext", "--task", "multiclass"],
    ],
    "weights": [["weights"]],
    "weights_of_name": [["weights", "show", "imagenet", "--model", "resnet18"]],
    "kernels": [["kernels"]],
    "kernels_of_operation": [["kernels", "show", "batched_nms"]],
}


@pytest.fixture(autouse=True)
def _strange_plugins(no_policy: None, lay_out: Callable[..., Path]) -> None:
    """A plugin that can't be used, and one with tags, metadata and policy of its own."""
    lay_out("broken", more="licence = 1\n")
    lay_out("full", more='tags = ["a"]\nmetadata = { any = [1, { deep = true }] }\n')
    Path("registry.toml").write_text('[plugins]\ndisable = ["gone"]\n')


def closed(schema: Any) -> Any:
    """The schema without room for keys that it doesn't name."""
    if isinstance(schema, list):
        return [closed(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    inner = {key: closed(part) for key, part in schema.items()}
    return {**inner, "additionalProperties": False} if isinstance(schema.get("properties"), dict) else inner


def answer(*arguments: str) -> Any:
    done = CliRunner().invoke(main, [*arguments, "--json"])
    assert done.exit_code == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("name", QUESTIONS)
def test_real_answers_have_the_form_of_their_schema_and_no_other_key(name: str) -> None:
    schema = vistry.registry_schema()[name]
    Draft202012Validator.check_schema(schema)
    for arguments in QUESTIONS[name]:
        Draft202012Validator(closed(schema)).validate(answer(*arguments))


def test_there_is_a_question_for_every_answer() -> None:
    assert set(QUESTIONS) == set(ANSWERS)
    assert set(vistry.registry_schema()) == {"schema", *ANSWERS}


@pytest.mark.parametrize("name", QUESTIONS)
def test_an_answer_that_lacks_any_key_is_refused(name: str) -> None:
    validator = Draft202012Validator(vistry.registry_schema()[name])
    whole = answer(*QUESTIONS[name][0])
    for path in paths(whole):
        with pytest.raises(ValidationError):
            validator.validate(without(whole, path))


def paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The keys of the answer and of the first record in it, but for those that an author chooses."""
    if isinstance(value, list):
        return paths(value[0], (*path, 0)) if value else []
    if not isinstance(value, dict):
        return []
    chosen = path[-1:] in (("weights",), ("metadata",), ("tolerance",), ("metrics",)) and len(path) > 1
    return [] if chosen else [found for key in value for found in ((*path, key), *paths(value[key], (*path, key)))]


def without(value: Any, path: tuple[Any, ...]) -> Any:
    copy = json.loads(json.dumps(value))
    place = copy
    for key in path[:-1]:
        place = place[key]
    del place[path[-1]]
    return copy


def test_the_version_is_that_of_the_answers() -> None:
    for schema in ({"models": [], "schema": 2}, {"models": []}):
        assert not Draft202012Validator(vistry.registry_schema()["models"]).is_valid(schema)
    assert vistry.registry_schema()["schema"] == answer("models")["schema"] == 1


def test_the_command_prints_all_schemas_or_one() -> None:
    def printed(*arguments: str) -> Any:
        return json.loads(CliRunner().invoke(main, ["schema", *arguments]).stdout)

    assert printed() == vistry.registry_schema()
    assert printed("plugin") == vistry.registry_schema()["plugin"]
    done = CliRunner().invoke(main, ["schema", "modles"])
    assert (done.exit_code, done.stderr) == (2, "error: there is no answer 'modles'; did you mean 'models'?\n")
