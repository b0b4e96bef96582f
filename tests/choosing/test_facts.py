"""What a person who chooses is told of a model, held against what its manifest says."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest
import vistry
from click.testing import CliRunner
from vistry.cli import main
from vistry.errors import RegistryError

FAMILY = """manifest = 1
api = "1.0"
hooks = "{package}.hooks"
license = "MIT"
summary = "A plugin for tests"
tasks = ["image_classification", "image_classification_multilabel"]
backends = ["torch"]
exclude = { weighted_loss = "it has weights of its own" }
restrict.validation_crop_size = { reason = "its pooling is fixed", choices = [96] }
restrict.training_crop_size = { reason = "a patch is 16 pixels wide", minimum = 16, multiple_of = 16 }

[hyperparameters.depth]
type = "integer"
description = "Blocks."
default = 3

[hyperparameters.glimpse]
type = "integer"
unit = "pixels"
description = "Pixels of a second look."
default = 48
tasks = ["image_classification"]

[defaults."*"]
training_batch_size = 12
number_of_epochs = 15
validation_crop_size = 96
training_crop_size = 96
depth = 5

[defaults.image_classification_multilabel]
learning_rate = 0.25

[models.acme]
summary = "A model for tests"
parameters = 10
defaults.image_classification.learning_rate = 0.125
weights.small = { source = "https://example.org/small.safetensors", sha256 = "0123abcd", license = "MIT", size = 1500 }
weights.large = { source = "https://example.org/large.safetensors", sha256 = "0123abcd", license = "CC-BY-NC-4.0" }

[models.acme.feature_maps]
channels = [4, 8, 16, 32]
strides = [4, 8, 16, 32]
parameters = 5
"""
DETECTORS = """manifest = 1
api = "1.0"
hooks = "{package}.hooks"
license = "MIT"
summary = "Detectors for tests"
tasks = ["image_object_detection"]
backends = ["torch"]
defaults."*".learning_rate = 0.5

[composition]
name = "boxes_{backbone}"
summary = "Boxes"
strides = [8]
parameters = 1
classes = 4
"""
SHARED = {task: vistry.hyperparameters(None, task).defaults() for task in ("multiclass", "multilabel", "detection")}


def some_of_each_plugin() -> list[str]:
    """Full names of at most 6 models of every plugin, chosen by the plugin's name."""
    plugins: dict[str, list[str]] = {}
    for card in vistry.models():
        plugins.setdefault(card.family, []).append(card.full_name)
    return [name for plugin, names in plugins.items() for name in Random(plugin).sample(names, min(6, len(names)))]


def test_defaults_that_differ_with_the_place_that_sets_them(lay_out: Callable[..., Path]) -> None:
    lines = (lay_out("one", manifest=FAMILY) / "plugin.toml").read_text().splitlines()
    found = {(one.name, one.task): one for one in vistry.model_facts("acme").defaults}
    both, one, two = ("image_classification", "image_classification_multilabel"), "multiclass", "multilabel"
    assert {key: (default.value, default.shared) for key, default in found.items()} == {
        ("training_batch_size", both[0]): (12, SHARED[one]["training_batch_size"]),
        ("training_batch_size", both[1]): (12, SHARED[two]["training_batch_size"]),
        **{(name, task): (96, 224) for name in ("validation_crop_size", "training_crop_size") for task in both},
        ("depth", both[0]): (5, None),
        ("depth", both[1]): (5, None),
        ("learning_rate", both[0]): (0.125, SHARED[one]["learning_rate"]),
        ("learning_rate", both[1]): (0.25, SHARED[two]["learning_rate"]),
    }
    assert SHARED[one]["number_of_epochs"] == 15  # set in the manifest to what all have: nothing to tell
    for key, text in ((("depth", both[0]), "depth = 5"), (("learning_rate", both[1]), "learning_rate = 0.25")):
        number = int(found[key].origin.rpartition(":")[2])
        assert lines[number - 1] == text


def test_sizes_of_the_input_are_those_that_a_training_would_take(lay_out: Callable[..., Path]) -> None:
    lay_out("one", manifest=FAMILY)
    facts = vistry.model_facts("acme")
    for task in ("image_classification", "image_classification_multilabel"):
        sizes = {one.name: one.pixels for one in facts.input if one.task == task}
        values = vistry.hyperparameters("acme", task).defaults()
        assert sizes == {name: values[name] for name in sizes}
        assert sizes["validation_crop_size"] == 96
        assert ("glimpse" in sizes) == (task == "image_classification")


@pytest.mark.parametrize("name", some_of_each_plugin())
def test_sizes_and_defaults_of_installed_models_are_in_force(name: str) -> None:
    facts = vistry.model_facts(name)
    for task in facts.card.tasks:
        values = vistry.hyperparameters(name, task).defaults()
        assert [one.pixels for one in facts.input if one.task == task]
        for size in (one for one in facts.input if one.task == task):
            assert values[size.name] == size.pixels
        for default in (one for one in facts.defaults if one.task == task):
            assert values[default.name] == default.value


def test_restrictions_exclusions_weights_and_what_to_type(
    lay_out: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lay_out("one", manifest=FAMILY)
    monkeypatch.setenv("VISTRY_WEIGHTS", str(tmp_path))
    (tmp_path / "small.safetensors").touch()
    facts = vistry.model_facts("acme").to_dict()
    assert [(one["name"], one["choices"], one["multiple_of"]) for one in facts["restrictions"]] == [
        ("validation_crop_size", [96], None),
        ("training_crop_size", None, 16),
    ]
    assert facts["excluded"] == [{"name": "weighted_loss", "reason": "it has weights of its own"}]
    assert [(one["name"], one["size"], one["file"] is None) for one in facts["weights"]] == [
        ("small", 1500, False),
        ("large", None, True),
    ]
    train, hyperparameters = facts["next"]
    assert train == "vistry train --data FOLDER --task multiclass --model acme"
    assert CliRunner().invoke(main, shlex.split(hyperparameters)[1:]).exit_code == 0


def test_a_detector_has_what_is_its_backbones(lay_out: Callable[..., Path]) -> None:
    more = 'defaults.image_object_detection.number_of_epochs = 7\n[restrict.min_size]\nreason = "r"\nminimum = 800\n'
    lay_out("one", manifest=FAMILY.replace("[hyperparameters.depth]", more + "[hyperparameters.depth]", 1))
    lay_out("two", manifest=DETECTORS)
    facts = vistry.model_facts("boxes_acme")
    assert {(one.name, one.value) for one in facts.defaults} >= {
        ("number_of_epochs", 7),
        ("learning_rate", 0.5),
        ("training_batch_size", 12),
    }
    assert [(one.name, one.of) for one in facts.restrictions] == [("min_size", "one/acme")]
    # The default that the backbone can't take is the nearest that it can.
    assert {one.name: one.pixels for one in facts.input}["min_size"] == 800
    assert [one.value for one in facts.defaults if one.name == "min_size"] == [800]
    values = vistry.hyperparameters("boxes_acme", "detection").defaults()
    assert {default.name: default.value for default in facts.defaults}.items() <= values.items()
    assert facts.detectors == ()
    assert "two/boxes_acme" in vistry.model_facts("acme").detectors


def test_the_name_that_is_typed_means_the_model(lay_out: Callable[..., Path]) -> None:
    lay_out("one", model="shared")
    lay_out("two", model="shared")
    assert vistry.model_facts("two/shared").next[0].endswith("--model two/shared")
    with pytest.raises(RegistryError, match="there is no model 'shard'"):
        vistry.model_facts("shard")
