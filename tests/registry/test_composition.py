"""Models on other plugins' backbones: which there are, what they have, and what is said where one can't be."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import vistry
from vistry.errors import RegistryError
from vistry.registry.cards import ModelCard
from vistry.registry.catalogue import Catalogue
from vistry.training.model_context import ModelContext

LayOut = Callable[..., Path]
MAPS = """
freeze = [["stem."], ["blocks."]]
[models.{name}net.feature_maps]
channels = [8, 16, 32]
strides = [4, 8, 16]
parameters = 1000
frozen_layers = 1
"""
HEAD = """manifest = 1
api = "1.0"
hooks = "{package}.hooks"
license = "MIT"
summary = "A detector for tests"
tasks = ["image_object_detection"]
backends = ["torch"]

[composition]
name = "boxes_{backbone}"
summary = "Boxes on {backbone}"
strides = [8, 16]
parameters = 500
parameters_per_channel = 10
classes = 4
"""

WRITTEN = '\n[models.special]\nsummary = "By hand"\nbackbone = "good/goodnet"\nparameters = 7\n'


def boxes() -> dict[str, ModelCard]:
    return {card.name: card for card in vistry.models() if card.family == "boxes"}


def test_each_backbone_that_has_the_maps_has_a_model(lay_out: LayOut) -> None:
    lay_out("boxes", manifest=HEAD)
    lay_out("good", more=MAPS.format(name="good"))
    lay_out("coarse", more=MAPS.format(name="coarse").replace("[4, 8, 16]", "[8, 32, 64]"))
    lay_out("none")
    found = boxes()
    assert "boxes_goodnet" in found
    assert not {"boxes_coarsenet", "boxes_nonenet"} & set(found)
    card = found["boxes_goodnet"]
    assert card.parameters == 1000 + 500 + 10 * (16 + 32)
    assert card.summary == "Boxes on goodnet"
    assert card.freeze == (("backbone.body.stem.",), ("backbone.body.blocks.",))
    assert card.frozen_layers == 1
    assert card.backbone is not None
    assert card.backbone.name == "goodnet"
    assert vistry.layers_to_freeze("boxes_goodnet") == card.freeze


def test_a_model_that_is_written_down_takes_the_place_of_the_one_that_follows(lay_out: LayOut) -> None:
    lay_out("boxes", manifest=HEAD, more=WRITTEN)
    lay_out("good", more=MAPS.format(name="good"))
    found = boxes()
    assert found["special"].summary == "By hand"
    assert found["special"].parameters == 7
    assert "boxes_goodnet" not in found


def test_backbones_bring_their_hyperparameters_and_weights(lay_out: LayOut) -> None:
    lay_out("boxes", manifest=HEAD)
    own = (
        '\n[hyperparameters.good_width]\ntype = "integer"\ndefault = 3\ndescription = "How wide."\n'
        '[models.goodnet.weights.imagenet]\nsource = "https://example.org/good.safetensors"\n'
        f'sha256 = "{"0" * 64}"\nlicense = "MIT"\n'
    )
    lay_out("good", more=MAPS.format(name="good") + own)
    assert vistry.hyperparameters("boxes_goodnet", "detection").defaults()["good_width"] == 3
    assert list(vistry.model("boxes_goodnet").weights) == ["imagenet"]


def test_a_backbone_in_another_backend_makes_no_model(lay_out: LayOut) -> None:
    lay_out("boxes", manifest=HEAD)
    lay_out("good", more='backends = ["jax"]\n' + MAPS.format(name="good"))
    assert "boxes_goodnet" not in boxes()


def test_the_backbone_that_is_missing_is_named(lay_out: LayOut) -> None:
    more = '\n[models.special]\nsummary = "By hand"\nbackbone = "gone/gonenet"\nparameters = 7\n'
    lay_out("boxes", manifest=HEAD, more=more)
    with pytest.raises(
        RegistryError, match="'special' of vistry-boxes is built on 'gone/gonenet', which no plugin in use"
    ):
        vistry.model("special")


def test_maps_without_their_hook_are_an_error_that_names_it(lay_out: LayOut) -> None:
    lay_out("good", more=MAPS.format(name="good"))
    catalogue = Catalogue.read()
    with pytest.raises(RegistryError, match="vistry-good implements no vistry_build_feature_maps for good/goodnet"):
        ModelContext.of(
            catalogue, catalogue.model("goodnet"), task="image_classification", backend="torch"
        ).feature_maps()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("[4, 8, 16]", "[4, 8]", "'strides' must rise, one for each of 'channels'"),
        ("[4, 8, 16]", "[4, 16, 8]", "'strides' must rise, one for each of 'channels'"),
        ("parameters = 1000", "parameters = 0", "must be above 0"),
        ("frozen_layers = 1", 'backbone = "x"', "is not a known key"),
    ],
)
def test_wrong_maps_make_the_plugin_invalid(lay_out: LayOut, old: str, new: str, message: str) -> None:
    lay_out("good", more=MAPS.format(name="good").replace(old, new))
    [plugin] = [plugin for plugin in vistry.plugins() if plugin.name == "good"]
    assert plugin.state == "invalid"
    assert message in plugin.reason


def test_a_backbone_needs_a_composition_and_a_composed_name_its_place(lay_out: LayOut) -> None:
    lay_out("lone", more='backbone = "resnet/resnet18"\n')
    lay_out("boxes", manifest=HEAD.replace("boxes_{backbone}", "boxes"))
    lay_out("aimless", manifest=HEAD.replace('tasks = ["image_object_detection"]\n', ""))
    lay_out("frozen", manifest=HEAD, more=WRITTEN + 'freeze = [["stem."]]\n')
    reasons = {plugin.name: plugin.reason for plugin in vistry.plugins()}
    assert "[composition] needs 'tasks' and 'backends' at the top of the file" in reasons["aimless"]
    assert "model 'special' has a backbone, whose 'freeze' it takes: leave out its own" in reasons["frozen"]
    assert "model 'lonenet' has a backbone, and the file no [composition]" in reasons["lone"]
    assert "must be a name with {backbone} in it" in reasons["boxes"]
