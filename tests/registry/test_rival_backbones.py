"""Composed models among strangers: no other plugin takes away a model, its name, or what is claimed of it."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path

import pytest
import vistry
from vistry.errors import RegistryError
from vistry.registry.cards import ModelCard
from vistry.registry.catalogue import Catalogue
from vistry.registry.unmatched_policy import notices

LayOut = Callable[..., Path]
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
MAPS = """
[models.{name}.feature_maps]
channels = [8, 16, 32]
strides = [4, 8, 16]
parameters = 1000
"""
WRITTEN = """
[models.boxes_goodnet]
summary = "By hand"
backbone = "good/goodnet"
parameters = 7
default_for = ["image_object_detection"]
weights.coco.source = "https://example.org/boxes.safetensors"
weights.coco.sha256 = "00000000"
weights.coco.license = "MIT"
weights.coco.metrics = { coco = { box_ap = 37.0 } }
"""
WEIGHTS = """
[models.goodnet.weights.imagenet]
source = "https://example.org/good.safetensors"
sha256 = "00000000"
license = "MIT"
classes = 1000
metrics = { imagenet1k = { top1 = 75.1 } }
"""
OUR_DETECTORS = [
    "fasterrcnn_resnet50_fpn",
    "maskrcnn_resnet50_fpn",
    "retinanet_resnet50_fpn",
    "fasterrcnn_resnet18_fpn",
]


def maps(model: str, old: str = "", new: str = "") -> str:
    return MAPS.format(name=model).replace(old, new)


def boxes() -> dict[str, ModelCard]:
    return {card.name: card for card in vistry.models() if card.family == "boxes"}


def backbones() -> dict[str, str]:
    """The full name of each model's backbone, without those that the checkout's own plugins offer."""
    found = {name: card.backbone.full_name for name, card in boxes().items() if card.backbone}
    return {name: backbone for name, backbone in found.items() if backbone.endswith("goodnet")}


def prefer(model: str, owner: str) -> None:
    Path("registry.toml").write_text(f'[prefer]\n{model} = "{owner}"\n')


# What a stranger's model of the same short name may offer, none of which fits.
UNFIT = {
    "no maps": "",
    "coarser maps": maps("MODEL", "[4, 8, 16]", "[16, 32, 64]"),
    "one map": maps("MODEL", "[4, 8, 16]", "[4]").replace("[8, 16, 32]", "[8]"),
    "another backend": 'backends = ["jax"]\n' + maps("MODEL"),
}


@pytest.mark.parametrize("what", UNFIT)
@pytest.mark.parametrize("name", ["resnet50", "resnet18"])
def test_a_rival_that_does_not_fit_changes_nothing_of_ours(lay_out: LayOut, name: str, what: str) -> None:
    def facts() -> dict[str, object]:
        return {card.full_name: card.to_dict() for card in vistry.models(task="detection")}

    before = facts()
    lay_out("acme", model=name, more=UNFIT[what].replace("MODEL", name))
    assert facts() == before
    catalogue = Catalogue.read()
    for model in OUR_DETECTORS:
        card = catalogue.model(model)
        assert card == catalogue.model(card.full_name)
        assert card.backbone is not None
        assert card.backbone.family == "resnet"
    for task in ("detection", "segmentation"):
        default = catalogue.default_model(vistry.find_task(task).name)
        assert default is not None
        assert default.name == OUR_DETECTORS[task == "segmentation"]


@pytest.mark.parametrize("order", [*itertools.permutations(["good", "acme", "boxes"])])
def test_a_rival_that_fits_has_a_name_of_its_own_and_leaves_the_written_one(
    lay_out: LayOut, order: tuple[str, ...]
) -> None:
    for plugin in order:
        if plugin == "boxes":
            lay_out("boxes", manifest=HEAD, more=WRITTEN)
        else:
            lay_out(plugin, model="goodnet", more=maps("goodnet") + (WEIGHTS if plugin == "good" else ""))
    assert backbones() == {"boxes_goodnet": "good/goodnet", "boxes_acme.goodnet": "acme/goodnet"}
    written, other = vistry.model("boxes_goodnet"), vistry.model("boxes_acme.goodnet")
    assert (written.parameters, list(written.weights)) == (7, ["imagenet", "coco"])
    # What is published belongs to the first, and a count follows from the maps.
    assert (other.parameters, dict(other.weights), other.default_for) == (1000 + 500 + 10 * 48, {}, ())
    assert [vistry.model(card.full_name) for card in (written, other)] == [written, other]
    assert not Catalogue.read().contested.keys() & {"boxes_goodnet", "boxes_acme.goodnet"}


def test_a_preference_settles_a_short_name_and_moves_no_written_model(lay_out: LayOut) -> None:
    lay_out("boxes", manifest=HEAD, more=WRITTEN)
    for plugin in ("good", "acme"):
        lay_out(plugin, model="goodnet", more=maps("goodnet"))
    before = boxes()
    prefer("goodnet", "acme")
    assert boxes() == before
    assert vistry.model("goodnet").family == "acme"


def test_of_two_that_follow_the_preferred_one_has_the_short_name(lay_out: LayOut) -> None:
    lay_out("boxes", manifest=HEAD)
    for plugin in ("one", "two"):
        lay_out(plugin, model="goodnet", more=maps("goodnet"))
    assert backbones() == {"boxes_one.goodnet": "one/goodnet", "boxes_two.goodnet": "two/goodnet"}
    for name in ("boxes_goodnet", "boxes/boxes_goodnet"):
        with pytest.raises(RegistryError) as caught:
            vistry.model(name)
        assert str(caught.value) == (
            f"'{name}' means no single model, since several backbones are called 'goodnet': "
            "boxes/boxes_one.goodnet (one/goodnet) and boxes/boxes_two.goodnet (two/goodnet); write one of these "
            'names, or choose whose backbone has the short one, in registry.toml:\n[prefer]\n"goodnet" = "one"'
        )
    prefer("goodnet", "two")
    assert backbones() == {"boxes_one.goodnet": "one/goodnet", "boxes_goodnet": "two/goodnet"}


def test_a_run_keeps_its_backbone_whatever_its_model_is_called_now(lay_out: LayOut) -> None:
    lay_out("boxes", manifest=HEAD)
    lay_out("one", model="goodnet", more=maps("goodnet"))

    def recorded() -> str:
        backbone = Catalogue.read().recorded("boxes/boxes_goodnet", backbone="one/goodnet").backbone
        return backbone.full_name if backbone else ""

    assert recorded() == "one/goodnet"
    lay_out("two", model="goodnet", more=maps("goodnet"))
    assert recorded() == "one/goodnet"
    prefer("goodnet", "two")
    assert recorded() == "one/goodnet"
    Path("registry.toml").write_text('[plugins]\ndisable = ["one"]\n')
    assert backbones() == {"boxes_goodnet": "two/goodnet"}
    with pytest.raises(RegistryError) as caught:
        recorded()
    assert str(caught.value) == (
        "the model 'boxes/boxes_goodnet' was trained on the backbone 'one/goodnet', whose plugin is disabled: "
        f"disabled by {Path.cwd()}/registry.toml:2; type: vistry plugins enable one"
    )
    with pytest.raises(RegistryError, match="the backbone 'gone/goodnet', which no plugin in use offers"):
        Catalogue.read().recorded("boxes/boxes_goodnet", backbone="gone/goodnet")
    assert Catalogue.read().recorded("boxes/boxes_goodnet").name == "boxes_goodnet"


def test_a_run_finds_its_model_by_the_distribution_where_two_plugins_have_one_name(lay_out: LayOut) -> None:
    for distribution in ("vistry-good", "acme-good"):
        lay_out("good", distribution=distribution, model="goodnet")
    catalogue = Catalogue.read()
    for spelling in ("acme-good", "Acme_Good"):
        assert catalogue.recorded("good/goodnet", distribution=spelling).distribution == "acme-good"
    with pytest.raises(RegistryError, match="two plugins offer a model 'good/goodnet'"):
        catalogue.recorded("good/goodnet", distribution="another")


def test_two_models_may_be_written_down_on_one_backbone(lay_out: LayOut) -> None:
    special = '\n[models.special]\nsummary = "By hand, too"\nbackbone = "good/goodnet"\nparameters = 8\nclasses = 2\n'
    lay_out("boxes", manifest=HEAD, more=WRITTEN + special)
    lay_out("good", more=maps("goodnet"))
    assert backbones() == {"boxes_goodnet": "good/goodnet", "special": "good/goodnet"}
    assert [vistry.model(name).classes for name in backbones()] == [4, 2]


def test_a_written_name_wins_over_one_that_follows(lay_out: LayOut) -> None:
    lay_out("boxes", manifest=HEAD, more=WRITTEN)
    lay_out("good", more=maps("goodnet"))
    lay_out("others", manifest=HEAD)
    assert vistry.model("boxes_goodnet").full_name == "boxes/boxes_goodnet"
    assert vistry.model("others/boxes_goodnet").is_derived
    assert "boxes_goodnet" not in Catalogue.read().contested
    prefer("boxes_goodnet", "others")
    assert vistry.model("boxes_goodnet").full_name == "others/boxes_goodnet"


def test_a_backbone_whose_own_name_looks_like_a_family_and_a_name(lay_out: LayOut) -> None:
    lay_out("boxes", manifest=HEAD)
    for plugin in ("one", "two"):
        lay_out(plugin, model="goodnet", more=maps("goodnet"))
    lay_out("odd", model='"one.goodnet"', more=maps('"one.goodnet"'))
    assert backbones() == {
        "boxes_one.goodnet": "odd/one.goodnet",
        "boxes_one.one.goodnet": "one/goodnet",
        "boxes_two.goodnet": "two/goodnet",
    }


def test_two_plugins_of_one_name_are_told_apart_by_what_fits_and_by_preference(lay_out: LayOut) -> None:
    lay_out("boxes", manifest=HEAD, more=WRITTEN)
    lay_out("good", more=maps("goodnet"))
    lay_out("good", distribution="acme-plain", model="goodnet")
    assert backbones() == {"boxes_goodnet": "good/goodnet"}
    lay_out("good", distribution="acme-maps", model="goodnet", more=maps("goodnet"))
    with pytest.raises(RegistryError) as caught:
        vistry.model("boxes_goodnet")
    assert str(caught.value) == (
        "the model 'boxes_goodnet' of vistry-boxes is built on 'good/goodnet', which acme-maps and vistry-good offer, "
        'in plugins of one name; choose one in registry.toml:\n[prefer]\n"goodnet" = "acme-maps"'
    )
    prefer("goodnet", "vistry_good")
    assert vistry.model("boxes_goodnet").backbone == vistry.model("goodnet")


@pytest.mark.parametrize(
    ("good", "reason"),
    [
        ("", "'good/goodnet', which offers no feature maps; choose another backbone"),
        (
            maps("goodnet", "[4, 8, 16]", "[4, 32, 64]"),
            "'good/goodnet', which offers no feature maps at stride 8 and 16; choose another backbone",
        ),
        (
            'backends = ["jax"]\n' + maps("goodnet"),
            "'good/goodnet', which isn't offered in torch; choose another backbone",
        ),
        (
            "licence = 1\n",
            "'good/goodnet', whose plugin is invalid: {site}/vistry_good/plugin.toml:12: 'models.goodnet.licence' is "
            "not a known key",
        ),
    ],
)
def test_why_a_written_model_has_no_backbone(lay_out: LayOut, site: Path, good: str, reason: str) -> None:
    lay_out("boxes", manifest=HEAD, more=WRITTEN)
    lay_out("good", more=good)
    with pytest.raises(RegistryError) as caught:
        vistry.model("boxes_goodnet")
    expected = "the model 'boxes_goodnet' of vistry-boxes is built on " + reason.format(site=site)
    assert str(caught.value).startswith(expected)
    Path("registry.toml").write_text('[plugins]\ndisable = ["fasterrcnn"]\n')
    with pytest.raises(RegistryError) as caught:
        Catalogue.read().default_model("image_object_detection")
    assert str(caught.value).startswith(expected)
    assert str(caught.value).endswith("; it is the default model of image_object_detection: name another one")


class TestOfBoth:
    """What a composed model has of both, and says of both."""

    @pytest.fixture(autouse=True)
    def _plugins(self, lay_out: LayOut) -> None:
        lay_out("boxes", manifest=HEAD.replace('"MIT"', '"Apache-2.0"'), more=WRITTEN)
        notice = 'checkpoint_notice = "Ask first."\n'
        good = 'manifest = 1\napi = "1.0"\nhooks = "{package}.hooks"\nlicense = "GPL-3.0-only"\nsummary = "Copyleft"\n'
        good += notice + 'tasks = ["image_classification"]\nbackends = ["torch"]\n'
        good += "preprocessing = { mean = [0, 0, 0], std = [1, 1, 1] }\n"
        good += '[models.goodnet]\nsummary = "A model"\nparameters = 10\n'
        lay_out("good", manifest=good, more=maps("goodnet") + WEIGHTS)

    def test_its_licence(self) -> None:
        assert vistry.model("boxes_goodnet").license == "Apache-2.0 AND GPL-3.0-only"
        for license in ("GPL-3.0-only", "apache-2.0", "apache-2.0 and gpl-3.0-only"):
            assert "boxes_goodnet" in [card.name for card in vistry.models(license=license)]
        assert "boxes_goodnet" not in [card.name for card in vistry.models(license="MIT")]

    def test_its_weights_and_figures(self) -> None:
        weights = vistry.model("boxes_goodnet").to_dict()["weights"]
        assert isinstance(weights, dict)
        found = {name: (entry["backbone"], entry["metrics"]) for name, entry in weights.items()}
        assert found == {"imagenet": ("good/goodnet", {}), "coco": (None, {"coco": {"box_ap": 37.0}})}
        published = {entry.name: (entry.backbone, entry.metrics) for entry in vistry.weights("boxes_goodnet")}
        assert published == found
        [own] = vistry.weights("good/goodnet")
        assert (own.backbone, own.metrics) == (None, {"imagenet1k": {"top1": 75.1}})

    def test_its_preprocessing_and_notice(self) -> None:
        card = vistry.model("boxes_goodnet")
        assert card.preprocessing == vistry.model("goodnet").preprocessing
        assert card.checkpoint_notice == "Ask first."


class TestAHyperparameterOfBoth:
    @pytest.fixture(autouse=True)
    def _plugins(self, lay_out: LayOut) -> None:
        width = '\n[hyperparameters.width]\ntype = "integer"\ndefault = 3\ndescription = "How wide."\n'
        lay_out("boxes", manifest=HEAD, more=WRITTEN + width)
        lay_out("good", more=maps("goodnet") + width)
        lay_out("better", more=maps("betternet"))

    def test_the_model_is_not_offered_and_both_places_are_named(self, site: Path) -> None:
        with pytest.raises(RegistryError) as caught:
            vistry.model("boxes/boxes_goodnet")
        assert str(caught.value) == (
            "the model 'boxes/boxes_goodnet' can't be used: both boxes "
            f"({site}/vistry_boxes/plugin.toml:{_line(site / 'vistry_boxes', '[hyperparameters.width]')}) and its "
            "backbone good/goodnet "
            f"({site}/vistry_good/plugin.toml:{_line(site / 'vistry_good', '[hyperparameters.width]')}) define the "
            "hyperparameter 'width'; the other models work; rename it in one of the two plugins, or do without one of "
            "them"
        )

    def test_only_that_composition_is_hurt(self) -> None:
        assert set(boxes()) == {"boxes_betternet"} | {name for name in boxes() if not name.endswith("goodnet")}
        assert vistry.model("goodnet").hyperparameters.keys() == {"width"}
        states = {plugin.name: plugin.state for plugin in vistry.plugins()}
        assert [states[name] for name in ("boxes", "good", "better", "fasterrcnn")] == [
            "conflict",
            "conflict",
            "ok",
            "ok",
        ]

    def test_it_is_no_clash_for_a_task_that_only_one_has(self, site: Path) -> None:
        path = site / "vistry_good" / "plugin.toml"
        path.write_text(path.read_text() + 'tasks = ["image_classification"]\n')
        assert "boxes_goodnet" in boxes()
        assert vistry.hyperparameters("boxes_goodnet", "detection").defaults()["width"] == 3


def _line(folder: Path, text: str) -> int:
    return (folder / "plugin.toml").read_text().splitlines().index(text) + 1


def test_a_preference_for_what_no_plugin_has_is_noted_in_any_spelling(lay_out: LayOut) -> None:
    lay_out("good", more=maps("goodnet"))
    prefer("goodnet", "Vistry_Good")
    assert notices(Catalogue.read()) == []
