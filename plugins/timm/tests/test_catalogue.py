"""The catalogue against the timm that is installed, and what it says of the models that people ask for first."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import pytest
import timm
import vistry
import vistry_timm
from timm.models import get_pretrained_cfg, list_pretrained
from vistry.plugin import ModelCard, PreprocessingSpec
from vistry.registry.field_spec import Restriction
from vistry_timm.generate import Catalogue, with_crop
from vistry_timm.verify import faults_of, sample

CARDS = {card.name: card for card in vistry.models(family="timm")}
LEFT_OUT = json.loads(Path(vistry_timm.__file__).with_name("left_out.json").read_text())


def test_every_classifier_of_this_timm_is_in_it_or_left_out_with_a_reason() -> None:
    assert version("timm") == "1.0.31"
    assert sorted([*CARDS, *LEFT_OUT]) == sorted(timm.list_models())
    assert len(CARDS) > 1300
    assert all(LEFT_OUT.values())


@pytest.mark.parametrize("card", sample(5, seed=5), ids=lambda card: card.name)
def test_a_model_is_what_the_network_is(card: ModelCard) -> None:
    assert list(faults_of(card)) == []


def test_a_side_that_a_network_does_not_take_is_a_fault() -> None:
    card = CARDS["ghostnetv2_100"]
    assert (
        card.input_sizes.smallest == 64
    )  # its attention is over a map of half the size; GhostNet's first version has none
    assert list(faults_of(card)) == []
    wrong = replace(card, restrict={"training_crop_size": Restriction(reason="a trial of another", minimum=32)})
    assert list(faults_of(wrong)) == ["ghostnetv2_100 gives no logits for images of 32 pixels"]


@pytest.mark.long
@pytest.mark.parametrize("part", range(20))
def test_all_models_are_what_the_networks_are(part: int) -> None:
    assert [fault for card in list(CARDS.values())[part::20] for fault in faults_of(card)] == []


@pytest.mark.parametrize("name", random.Random(3).sample(sorted(CARDS), 60))
def test_weights_are_those_of_timms_own_table(name: str) -> None:
    card = CARDS[name]
    published = {full.partition(".")[2]: get_pretrained_cfg(full) for full in list_pretrained(f"{name}.*")}
    assert set(card.weights) <= set(published)
    hub = {
        tag for tag, stated in published.items() if stated.hf_hub_id and stated.input_size == _stated(name).input_size
    }
    assert hub <= set(card.weights)
    for tag, spec in card.weights.items():
        stated = published[tag]
        pixels = spec.preprocessing or card.preprocessing
        assert pixels == PreprocessingSpec(mean=stated.mean, std=stated.std)
        assert spec.classes == (stated.num_classes or None)
        assert spec.default == (tag == _stated(name).tag)
        if stated.hf_hub_id:
            assert spec.hub_file == (stated.hf_hub_id, None, "model.safetensors")
        else:
            assert spec.source == stated.url


def _stated(name: str):  # type: ignore[no-untyped-def]
    return get_pretrained_cfg(name)


def test_what_people_ask_for_first() -> None:
    card = vistry.model("convnext_tiny")
    assert card.full_name == "timm/convnext_tiny"
    assert card.parameters == 28589128  # Liu et al., 2022: 28.6 M
    assert [group[0] for group in card.freeze] == ["stem.", "stages.0.", "stages.1.", "stages.2.", "stages.3."]
    assert card.weights["in12k_ft_in1k"].class_names == "imagenet1k"
    assert card.weights["in12k_ft_in1k"].metrics["imagenet1k"]["top1"] == pytest.approx(84.2, abs=0.5)
    detector = vistry.model("fasterrcnn_convnext_tiny_fpn")
    assert detector.backbone == card
    assert {found.family for found in vistry.models(backbone="convnext_tiny")} >= {"fasterrcnn", "retinanet"}


def test_licences_that_forbid_commerce_are_said() -> None:
    tagged = {card.name for card in vistry.models(family="timm", tag="noncommercial-weights")}
    assert "convnextv2_tiny" in tagged
    assert vistry.model("convnextv2_tiny").weights["fcmae_ft_in22k_in1k"].license == "CC-BY-NC-4.0"
    assert "convnext_tiny" not in tagged


def test_a_fixed_size_is_a_restriction_with_its_reason() -> None:
    assert vistry.model("vit_small_patch16_224").input_sizes.sizes == (224,)
    assert "made for 224 pixels" in vistry.model("vit_small_patch16_224").restrict["training_crop_size"].reason
    assert vistry.model("convnext_tiny").input_sizes.sizes is None


def test_the_generator_writes_the_same_entry_again() -> None:
    from dataclasses import asdict

    from vistry_timm.describe import Trials, describe

    path = Path(vistry_timm.__file__).with_name("models.json")
    written = json.loads(path.read_text())["models"]["resnet18"]
    figures = {
        f"resnet18.{tag}": spec["metrics"]["imagenet1k"]
        for tag, spec in written["weights"].items()
        if "metrics" in spec
    }
    catalogue = Catalogue(figures)
    catalogue.add(with_crop(asdict(describe("resnet18", Trials()))))
    again = json.loads(catalogue.text())["models"]["resnet18"]
    assert {key: again[key] for key in ("summary", "parameters", "feature_maps")} == {
        key: written[key] for key in ("summary", "parameters", "feature_maps")
    }
    assert list(again["weights"]) == list(written["weights"])
