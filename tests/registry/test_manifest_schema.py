"""The JSON Schema of plugin.toml accepts the manifests of this checkout, and refuses what the reader refuses."""

from __future__ import annotations

import copy
import json
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import vistry
from click.testing import CliRunner
from jsonschema import Draft202012Validator
from vistry.cli import main
from vistry.registry.manifest import Manifest
from vistry.registry.typed_toml import read_table

CHECKOUT = Path(__file__).parents[2]
MANIFESTS = sorted(
    path
    for folder in ("core", "plugins", "examples", "tests")
    for path in (CHECKOUT / folder).rglob("plugin.toml")
    if "build" not in path.parts
)
SCHEMA: Any = vistry.plugin_schema()
# Every key once, beside those that exclude each other.
EVERYTHING = tomllib.loads(
    """
manifest = 1
api = "1.0"
license = "MIT"
summary = "s"
hooks = "vistry_net.hooks"
wraps = ["vistry_build_model"]
computes_defaults = true
tasks = ["image_classification"]
backends = ["torch"]
freeze = [["a."]]
preprocessing = { mean = [0.5, 0.5, 0.5], std = [1, 1, 1] }
gradient_clipping = { by = "norm", at = 1.0 }
moving_average = { decay = 0.5 }
hyperparameters.width = { type = "number", description = "d", default = 0.2, minimum = 0, below = 1 }
exclude.momentum = "no momentum"
restrict.training_crop_size = { reason = "r", minimum = 16 }
defaults."*".training_batch_size = 48

[composition]
name = "net_{backbone}"
summary = "s"
strides = [8, 16]
parameters = 5
classes = 90

[[kernels]]
operation = "twice"
summary = "s"
devices = ["cuda"]
implementation = "a.b:c"
reference = "a.b:d"
samples = "a.b:e"
tolerance = { float32 = 1e-6 }

[models.net]
summary = "s"
parameters = 10
default_for = ["image_classification"]
args = { anything = [1, "two"] }
weights.imagenet = { source = "package:net_weights/a.safetensors", sha256 = "f37072fd", license = "MIT" }
feature_maps = { channels = [8], strides = [4], parameters = 5 }
"""
)
OF_OTHER_KINDS: tuple[Any, ...] = ("text", 1.5, True, [], {}, -1)


def accepted_by_schema(data: Any) -> bool:
    return bool(Draft202012Validator(SCHEMA).is_valid(data))


def accepted_by_reader(data: Any) -> bool:
    return read_table(Manifest, data)[0] is not None


def test_it_is_a_schema() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    assert json.loads(CliRunner().invoke(main, ["plugins", "schema"]).stdout) == SCHEMA


@pytest.mark.parametrize("path", MANIFESTS, ids=lambda path: path.parent.name)
def test_the_manifests_of_this_checkout_are_accepted(path: Path) -> None:
    data = tomllib.loads(path.read_text())
    assert [error.message for error in Draft202012Validator(SCHEMA).iter_errors(data)] == []
    assert accepted_by_reader(data)


def places(data: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    yield path
    for key, value in data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ():
        yield from places(value, (*path, key))


def changed(path: tuple[str | int, ...], change: Any) -> Any:
    """The manifest of everything with one place replaced; a function is applied to what is there."""
    data = copy.deepcopy(EVERYTHING)
    *above, last = path
    parent: Any = data
    for key in above:
        parent = parent[key]
    parent[last] = change(parent[last]) if callable(change) else change
    return data


def at(path: tuple[str | int, ...]) -> Any:
    value: Any = EVERYTHING
    for key in path:
        value = value[key]
    return value


CHANGES = [
    *((path, value) for path in places(EVERYTHING) if path for value in OF_OTHER_KINDS),
    *(
        ((*path, "no_such_key"), value)
        for path in places(EVERYTHING)
        if isinstance(at(path), dict)
        for value in (1, "a")
    ),
]


def test_it_refuses_what_the_reader_refuses_and_accepts_the_rest() -> None:
    """A value of each kind in the place of each other one, and an unknown key in each table."""
    assert accepted_by_schema(EVERYTHING)
    assert accepted_by_reader(EVERYTHING)
    refused = 0
    for path, value in CHANGES:
        data = changed(path, value) if path[-1] != "no_such_key" else with_key(path, value)
        problems = read_table(Manifest, data)[1]
        # A table's own rule between its keys is told by the reader alone.
        between_keys = bool(problems) and all(is_between_keys(problem.message) for _, problem in problems)
        if not between_keys:
            assert accepted_by_schema(data) == (not problems), (path, value, [str(problem) for _, problem in problems])
            refused += bool(problems)
    assert refused > 300


def with_key(path: tuple[str | int, ...], value: Any) -> Any:
    data = copy.deepcopy(EVERYTHING)
    parent: Any = data
    for key in path[:-1]:
        parent = parent[key]
    parent[path[-1]] = value
    return data


def is_between_keys(message: str) -> bool:
    structural = ("must be ", "is not a known key", "is missing", "there is no ")
    return not message.startswith(structural)


def test_it_wants_every_required_key() -> None:
    for path in places(EVERYTHING):
        if path and not isinstance(path[-1], int):
            data = copy.deepcopy(EVERYTHING)
            parent: Any = data
            for key in path[:-1]:
                parent = parent[key]
            del parent[path[-1]]
            missing = [problem for _, problem in read_table(Manifest, data)[1] if problem.message == "is missing"]
            assert accepted_by_schema(data) == (not missing), path
