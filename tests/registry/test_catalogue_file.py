"""Models in a file of their own: what they have in common stands once, and a fault is told with the model's name."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import vistry
from click.testing import CliRunner
from jsonschema import Draft202012Validator
from vistry.cli import main
from vistry.errors import RegistryError
from vistry.registry.cards import ModelCard
from vistry.registry.catalogue import Catalogue
from vistry.registry.manifest import CataloguedModel, ModelSpec, PreprocessingSpec

LayOut = Callable[..., Path]
Offer = Callable[..., Path]
MANIFEST = """manifest = 1
api = "1.0"
hooks = "{package}.hooks"
license = "MIT"
summary = "Many models"
tasks = ["image_classification"]
backends = ["torch"]
catalogue = "models.json"
"""
DETECTOR = """manifest = 1
api = "1.0"
hooks = "{package}.hooks"
license = "MIT"
summary = "A detector for tests"
tasks = ["image_object_detection"]
backends = ["torch"]

[composition]
name = "boxes_{backbone}_x"
summary = "Boxes on {backbone}"
strides = [8, 16]
parameters = 500
parameters_per_channel = 10
classes = 4
"""
MAPS = {"channels": [8, 16, 32], "strides": [4, 8, 16], "parameters": 1000}
PLAIN = {"summary": "Plain", "parameters": 5}
BY_ADDRESS = {"source": "https://e.org/a.pth", "license": "MIT"}
FILE: dict[str, Any] = {
    "catalogue": 1,
    "yields": True,
    "shared": {
        "stages": {"freeze": [["stem."], ["stages.0."]], "feature_maps": {"strides": [4, 8, 16]}},
        "large": {"defaults": {"*": {"training_batch_size": 8}}, "tags": ["large"]},
        "slow": {"defaults": {"*": {"learning_rate": 0.001}}, "tags": ["slow"]},
        "fixed": {"restrict": {"training_crop_size": {"choices": [64], "reason": "its positions are learned"}}},
    },
    "shared_weights": {
        "hub": {"source": "hub:acme/{model}.{weights}/model.safetensors", "license": "MIT"},
        "imagenet": {"classes": 1000, "class_names": "imagenet1k"},
    },
    "models": {
        "wide_1": {
            "like": ["stages", "large", "slow"],
            "summary": "Wide",
            "parameters": 20,
            "feature_maps": {"channels": [8, 16, 32], "parameters": 12},
            "weights": {"in1k": {"like": ["hub", "imagenet"], "metrics": {"imagenet1k": {"top1": 71.5}}}},
        },
        "narrow": {"like": "fixed", "summary": "Narrow", "parameters": 10, "freeze": [["a."]]},
        "plain": PLAIN,
    },
}


@pytest.fixture
def offer(lay_out: LayOut) -> Offer:
    """Lay out a plugin whose models are in a file: FILE, with changes, or a text."""

    def laid_out(changes: dict[str, Any] | str | None = None, *, name: str = "many", manifest: str = MANIFEST) -> Path:
        folder = lay_out(name, manifest=manifest)
        text = changes if isinstance(changes, str) else json.dumps({**FILE, **(changes or {})}, indent=1)
        (folder / "models.json").write_text(text)
        return folder

    return laid_out


def many() -> dict[str, ModelCard]:
    return {card.name: card for card in vistry.models(family="many")}


def test_a_model_is_what_the_same_tables_in_the_manifest_would_make_it(offer: Offer, lay_out: LayOut) -> None:
    lay_out(
        "many",
        manifest=MANIFEST.replace('catalogue = "models.json"', ""),
        distribution="vistry-written",
        more="""
[models.wide_1]
summary = "Wide"
parameters = 20
freeze = [["stem."], ["stages.0."]]
feature_maps = { channels = [8, 16, 32], strides = [4, 8, 16], parameters = 12 }
defaults."*" = { training_batch_size = 8, learning_rate = 0.001 }
tags = ["slow"]
weights.in1k.source = "hub:acme/wide_1.in1k/model.safetensors"
weights.in1k.license = "MIT"
weights.in1k.classes = 1000
weights.in1k.class_names = "imagenet1k"
weights.in1k.metrics = { imagenet1k = { top1 = 71.5 } }
""",
    )
    offer()
    plugins = {plugin.distribution: plugin for plugin in vistry.plugins()}
    written, filed = (plugins[name].manifest for name in ("vistry-written", "vistry-many"))
    assert written
    assert filed
    expected, model = written.models["wide_1"], filed.models["wide_1"]
    assert isinstance(model, CataloguedModel)
    assert {name: getattr(model, name) for name in vars(expected)} == vars(expected)
    assert list(filed.models) == list(FILE["models"])


def test_keys_that_are_left_out_are_the_familys(offer: Offer) -> None:
    offer()
    plain = many()["plain"]
    assert (plain.tasks, plain.backends, plain.license) == (("image_classification",), ("torch",), "MIT")
    assert plain.preprocessing == PreprocessingSpec()
    assert plain.weights == {} == dict(plain.restrict)


def test_a_value_remembers_the_line_that_sets_it(offer: Offer) -> None:
    folder = offer()
    lines = (folder / "models.json").read_text().splitlines()
    schema = vistry.hyperparameters("wide_1", "multiclass")
    for name, value in {"learning_rate": "0.001", "training_batch_size": "8"}.items():
        line = next(number for number, line in enumerate(lines, 1) if f'"{name}": {value}' in line)
        assert schema.fields[name].origin == f"{folder / 'models.json'}:{line}"
    with pytest.raises(Exception, match=r"models.json:\d+.*its positions are learned|its positions are learned"):
        vistry.create("narrow", task="multiclass", num_classes=2, hyperparameters={"training_crop_size": 32})


FAULTS = {
    "is missing": ({"models": {"net": {"summary": "s"}}}, "models.net.parameters"),
    "must be an integer": ({"models": {"net": {"summary": "s", "parameters": "1"}}}, "models.net.parameters"),
    "must be above 0": ({"models": {"net": {"summary": "s", "parameters": 0}}}, "models.net.parameters"),
    "is not a known key; did you mean 'tags'": (
        {"models": {"net": {"tag": [], **PLAIN}}},
        "models.net.tag",
    ),
    "must be a table": ({"models": {"net": 1}}, "models.net"),
    "must be a name of lower-case": ({"models": {"Net": PLAIN}}, "models.Net"),
    "must be a name, or an array of names": (
        {"models": {"net": {**PLAIN, "like": {"a": 1}}}},
        "models.net.like",
    ),
    "names 'larg', which 'shared' doesn't have; did you mean 'large'": (
        {"models": {"net": {**PLAIN, "like": "larg"}}},
        "models.net.like",
    ),
    "must be text": ({"shared": {"large": {"freeze": [[1]]}}, "models": {}}, "shared.large.freeze.0.0"),
    "there is no task 'x'": ({"shared": {"large": {"defaults": {"x": {}}}}, "models": {}}, "shared.large.defaults.x"),
    "'strides' must rise": (
        {"models": {"net": {**PLAIN, "feature_maps": {**MAPS, "strides": [4, 4, 8]}}}},
        "models.net.feature_maps",
    ),
    "must be an https:// address": (
        {"shared_weights": {"hub": {"source": "hub:acme/{model}", "license": "MIT"}}, "models": {}},
        "shared_weights.hub.source",
    ),
    "only a file on a hub can do without": (
        {
            "models": {
                "net": {
                    **PLAIN,
                    "weights": {"a": BY_ADDRESS},
                }
            }
        },
        "models.net.weights.a.sha256",
    ),
    "must be 1": ({"catalogue": 2}, "catalogue"),
    "is not a known key": ({"model": {}}, "model"),
}


@pytest.mark.parametrize("message", FAULTS)
def test_a_fault_is_told_with_its_key_and_line(offer: Offer, message: str) -> None:
    changes, key = FAULTS[message]
    folder = offer(changes)
    plugin = vistry.find_plugin("many")
    assert plugin.state == "invalid"
    assert f"'{key}' " in plugin.reason
    assert message in plugin.reason
    place = plugin.reason.partition(" ")[0].rstrip(":")
    file, _, line = place.rpartition(":")
    assert file == str(folder / "models.json")
    text = (folder / "models.json").read_text().splitlines()[int(line) - 1].strip()
    *_, above, last = ["", *key.split(".")]
    assert text.startswith((f'"{last}"', f'"{above}"')) or last.isdecimal()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"catalogue": 1,\n"models": {]}', "models.json:2: not valid JSON"),
        ('{"catalogue": 1, "models": {"a": {}, "a": {}}}', "an object has the key 'a' twice"),
        ("[]", "must be a table"),
    ],
)
def test_a_file_that_is_no_catalogue_makes_the_plugin_invalid(offer: Offer, text: str, message: str) -> None:
    offer(text)
    assert message in vistry.find_plugin("many").reason


def test_the_schema_accepts_what_is_read_and_refuses_faults_of_kind() -> None:
    schema = vistry.plugin_schema(catalogue=True)
    Draft202012Validator.check_schema(schema)
    assert json.loads(CliRunner().invoke(main, ["plugins", "schema", "--catalogue"]).stdout) == schema
    validator = Draft202012Validator(schema)
    assert [error.message for error in validator.iter_errors(FILE)] == []
    between_keys = ("is missing", "names 'larg'", "'strides' must rise", "must be an https", "only a file on a hub")
    for message, (changes, _) in FAULTS.items():
        assert validator.is_valid({**FILE, **changes}) == message.startswith(between_keys), message


def test_a_file_that_is_not_there_is_told(offer: Offer) -> None:
    (offer() / "models.json").unlink()
    assert "models.json: can't be read" in vistry.find_plugin("many").reason


def test_a_model_stands_in_one_of_the_two_files(offer: Offer) -> None:
    more = '\n[models.plain]\nsummary = "s"\nparameters = 1\n\n[models.other]\nsummary = "s"\nparameters = 2\n'
    folder = offer(manifest=MANIFEST + more)
    assert f"{folder / 'plugin.toml'}:10: the model 'plain' is in models.json, too" in vistry.find_plugin("many").reason
    (folder / "plugin.toml").write_text((MANIFEST + more.replace("plain", "third")).replace("{package}", "vistry_many"))
    assert [card.name for card in vistry.models(family="many")] == ["third", "other", *FILE["models"]]


def test_a_kept_catalogue_is_read_again_where_the_file_changed(offer: Offer) -> None:
    folder = offer()
    kept = Catalogue.read()
    assert kept.refresh() is kept
    (folder / "models.json").write_text(json.dumps({**FILE, "models": {"new": PLAIN}}))
    os.utime(folder / "models.json", ns=(1, 1))
    assert [card.name for card in kept.refresh().models(family="many")] == ["new"]


def test_a_model_that_yields_leaves_its_short_name_to_any_other(offer: Offer, lay_out: LayOut) -> None:
    lay_out("other", model="plain")
    offer()
    assert vistry.model("plain").family == "other"
    assert vistry.model("many/plain").summary == "Plain"
    assert vistry.model("narrow").family == "many"
    assert {plugin.state for plugin in vistry.plugins()} == {"ok"}
    Path("registry.toml").write_text('[prefer]\nplain = "many"\n')
    assert vistry.model("plain").family == "many"


def test_two_that_yield_are_rivals_and_so_are_two_that_insist(offer: Offer) -> None:
    offer()
    offer(name="more")
    with pytest.raises(RegistryError, match="two plugins offer a model 'plain'"):
        vistry.model("plain")
    assert vistry.find_plugin("more").state == "conflict"


def test_without_yields_a_second_claimant_is_a_conflict(offer: Offer, lay_out: LayOut) -> None:
    lay_out("other", model="plain")
    offer({"yields": False})
    with pytest.raises(RegistryError, match="two plugins offer a model 'plain'"):
        vistry.model("plain")


@pytest.fixture
def detectors(offer: Offer, lay_out: LayOut) -> None:
    """A catalogue of backbones, a family that is composed of them, and another backbone named as one of them."""
    maps = {"summary": "s", "parameters": 20, "feature_maps": MAPS}
    offer({"models": {"one": maps, "two": maps, "taken": maps, "nothing": PLAIN}})
    feature_maps = "\n[models.taken.feature_maps]\nchannels = [8, 16, 32]\nstrides = [4, 8, 16]\nparameters = 7\n"
    lay_out("good", model="taken", more=feature_maps)
    lay_out("boxes", manifest=DETECTOR)


def names(**filters: Any) -> list[str]:
    """The full names of the tests' own models that pass; other plugins may be installed, too."""
    own = [f"boxes/boxes_{backbone}_x" for backbone in ("one", "two", "taken", "many.taken")]
    found = [card.full_name for card in vistry.models(**filters)]
    return [name for name in found if name in own or name.startswith(("many/", "good/"))]


def test_detectors_on_a_catalogues_backbones_are_made_when_named(detectors: None) -> None:
    assert names(family="boxes") == ["boxes/boxes_taken_x"]
    card = vistry.model("boxes_one_x")
    assert card.full_name == "boxes/boxes_one_x"
    assert vistry.model("boxes/boxes_one_x").backbone == vistry.model("many/one")
    assert card.parameters == 1000 + 500 + 10 * (16 + 32)
    assert card.is_derived
    catalogue = Catalogue.read()
    assert catalogue.model("boxes_one_x") is catalogue.model("boxes/boxes_one_x")
    assert catalogue.names_of(catalogue.model("boxes_one_x")) == ("boxes/boxes_one_x", "boxes_one_x")
    assert catalogue.recorded("boxes/boxes_one_x", backbone="many/one").name == "boxes_one_x"
    for name in ("boxes_nothing_x", "boxes_three_x", "boxes_one", "boxes__x", "boxes_many.one_x"):
        with pytest.raises(RegistryError, match="there is no model"):
            vistry.model(name)


def test_one_whose_short_name_is_anothers_is_called_after_its_family(detectors: None) -> None:
    assert vistry.model("boxes_taken_x").to_dict()["backbone"] == "good/taken"
    assert vistry.model("boxes_many.taken_x").to_dict()["backbone"] == "many/taken"
    assert names(backbone="taken") == ["boxes/boxes_taken_x"]
    assert names(backbone="many/taken") == ["boxes/boxes_many.taken_x"]


def test_they_are_listed_where_a_filter_asks_for_their_backbones(detectors: None) -> None:
    assert names(backbone="one") == names(backbone="many/one") == ["boxes/boxes_one_x"]
    assert names(backbone=["one", "two"], sort="-name") == ["boxes/boxes_two_x", "boxes/boxes_one_x"]
    assert set(names(backbone="*")) == {f"boxes/boxes_{name}_x" for name in ("one", "two", "taken", "many.taken")}
    assert names(backbone="many/*", exclude_backbone="t*") == ["boxes/boxes_one_x"]
    assert names(name="boxes_two_x") == names(name="boxes/boxes_two_x") == ["boxes/boxes_two_x"]
    assert names(backbone="one", task="multiclass") == []
    with pytest.raises(RegistryError, match="there is no backbone 'onne'; did you mean 'one'"):
        names(backbone="onne")
    with pytest.raises(RegistryError, match="must be text"):
        names(backbone=[1])
    with pytest.raises(RegistryError, match="must be text"):
        names(name=3)


def test_every_other_filter_sees_the_same_models_as_before(detectors: None) -> None:
    listed = names()
    assert names(task="detection") == ["boxes/boxes_taken_x"]
    assert names(exclude_backbone="taken") == [name for name in listed if name != "boxes/boxes_taken_x"]
    names(backbone="*")
    assert names() == listed


def test_the_model_type_of_a_catalogue_adds_where_it_is_from() -> None:
    assert set(CataloguedModel.__dataclass_fields__) - set(ModelSpec.__dataclass_fields__) == {"path", "yields"}
