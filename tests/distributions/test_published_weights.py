"""What manifests say of published weights, against the tables and the models of the libraries that publish them.

No file is fetched: names and shapes are those of the library's own model on the meta device.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import vistry
from timm import create_model
from timm.models import get_pretrained_cfg
from torchvision import models as torchvision_models
from vistry.registry.cards import ModelCard
from vistry.registry.catalogue import Catalogue
from vistry.registry.manifest import PreprocessingSpec, WeightsSpec
from vistry.training.initial_weights import matching_tensors
from vistry.training.model_context import ModelContext
from vistry.weights.class_lists import class_list

ROOT = Path(__file__).parents[2]
# Families of a thousand models, or on a library of their own, whose tests hold theirs.
HELD_BY_THEIR_OWN_TESTS = {"timm", "dfine", "deimv2", "rfdetr"}
CARDS = [card for card in vistry.models() if card.family not in HELD_BY_THEIR_OWN_TESTS]
SETS = [(card, name) for card in CARDS for name in card.own_weights]
# torchvision's table says under which terms for its own models alone; each is trained by its own scripts.
TORCHVISION_LICENSE = "BSD-3-Clause"
# Of the figures that others measured of timm's weights: the only ones, of weights that the same table names.
FIGURES_OF_TIMM = {
    "vit_small_patch16_224.augreg_in21k_ft_in1k": (81.384, 96.136),
    "vit_base_patch16_224.augreg_in21k_ft_in1k": (84.532, 97.292),
    "vit_large_patch16_224.augreg_in21k_ft_in1k": (85.834, 97.818),
}


@dataclass(frozen=True)
class Published:
    """What a library says of weights: their model on the meta device, and what belongs to them."""

    state: Mapping[str, torch.Tensor]
    outputs: int
    license: str
    preprocessing: tuple[Any, Any] | None
    figures: Mapping[str, float]


@cache
def torchvision_table() -> dict[str, tuple[str, Any]]:
    """The weights of torchvision by their address, with the name of their model."""
    every = [(name, weights) for name in torchvision_models.list_models() for weights in _weights_of(name)]
    return {weights.url: (name, weights) for name, weights in every}


def _weights_of(name: str) -> list[Any]:
    return list(torchvision_models.get_model_weights(name))


def published(spec: WeightsSpec) -> Published:
    """What the library says of weights, found by where they are."""
    if spec.source in torchvision_table():
        return _of_torchvision(spec.source)
    if spec.hub_file:
        owner, _, name = spec.hub_file.repository.partition("/")
        assert (owner, spec.hub_file.file) == ("timm", "model.safetensors")
    else:
        name = "legacy_seresnext50_32x4d.in1k"
        assert get_pretrained_cfg(name).url == spec.source
    return _of_timm(name)


def _of_torchvision(address: str) -> Published:
    name, weights = torchvision_table()[address]
    more = {} if "categories" not in weights.meta else {"num_classes": len(weights.meta["categories"])}
    backbone = {"weights_backbone": None} if "coco" in address else {}
    with torch.device("meta"):
        state = torchvision_models.get_model_builder(name)(weights=None, **backbone, **more).state_dict()
    [figures] = weights.meta["_metrics"].values()
    transforms = weights.transforms()
    normalisation = (transforms.mean, transforms.std) if hasattr(transforms, "mean") else None
    return Published(state, len(weights.meta["categories"]), TORCHVISION_LICENSE, normalisation, figures)


def _of_timm(name: str) -> Published:
    config = get_pretrained_cfg(name)
    assert config is not None
    assert config.hf_hub_id in (f"timm/{name}", None)
    with torch.device("meta"):
        state = create_model(name.partition(".")[0], pretrained=False).state_dict()
    top = FIGURES_OF_TIMM.get(name)
    figures = {"acc@1": top[0], "acc@5": top[1]} if top else {}
    if config.url in torchvision_table():  # the same weights, in another file
        figures = _of_torchvision(config.url).figures
    return Published(state, config.num_classes, config.license, (config.mean, config.std), figures)


@pytest.mark.parametrize(("card", "name"), SETS, ids=[f"{card.name}-{name}" for card, name in SETS])
def test_what_a_manifest_says_is_what_the_library_says(card: ModelCard, name: str) -> None:
    spec = card.weights[name]
    theirs = published(spec)
    background = 1 if "rcnn" in card.name else 0
    assert spec.classes == theirs.outputs - background
    assert len(class_list(spec.class_names)) == spec.classes
    assert spec.license.casefold() == theirs.license.casefold()
    if theirs.preprocessing is not None:
        said = spec.preprocessing or card.preprocessing
        assert ([*said.mean], [*said.std]) == ([*theirs.preprocessing[0]], [*theirs.preprocessing[1]])
    said_figures = {key: value for figures in spec.metrics.values() for key, value in figures.items()}
    assert list(said_figures.values()) in ([], list(theirs.figures.values()))
    if spec.sha256:
        assert re.search(r"-([0-9a-f]{8})\.pth$", spec.source)[1] == spec.sha256  # type: ignore[index]


@pytest.mark.parametrize(("card", "name"), SETS, ids=[f"{card.name}-{name}" for card, name in SETS])
def test_every_tensor_of_the_librarys_model_is_taken(card: ModelCard, name: str) -> None:
    theirs = published(card.weights[name])
    # Without memory: each number of a tensor is the same one.
    tensors = {
        key: np.broadcast_to(np.zeros((), np.float32), tuple(value.shape)) for key, value in theirs.state.items()
    }
    classes = card.weights[name].classes
    assert classes is not None
    context = ModelContext.of(Catalogue.read(), card, task=card.tasks[0], backend="torch").resolved([])
    with torch.device("meta"):
        shapes = context.engine_module.shapes_of(context.module(classes))
        taken, fresh = matching_tensors(context, shapes, tensors=tensors, origin="theirs", num_classes=classes)
    assert fresh == []
    assert {key: value.shape for key, value in taken.items()} == dict(shapes)


def test_every_family_with_weights_is_held_here_or_by_its_own_tests() -> None:
    """So that no set is published which nobody compares."""
    families = {card.family for card in vistry.models(has_weights=True)}
    assert families <= {card.family for card, _ in SETS} | HELD_BY_THEIR_OWN_TESTS


def test_safetensors_of_resnets_are_torchvisions_weights_says_timm() -> None:
    for card, name in SETS:
        if name == "imagenet_safetensors":
            repository = card.weights[name].hub_file
            assert repository is not None
            assert (
                get_pretrained_cfg(repository.repository.removeprefix("timm/")).url == card.weights["imagenet"].source
            )


def test_the_page_lists_what_nobody_has_fetched_yet() -> None:
    page = (ROOT / "docs" / "reference" / "weights.md").read_text(encoding="utf-8")
    for card, name in SETS:
        assert f"`{card.weights[name].source}`" in page, (card.full_name, name)


def test_networks_without_a_normalisation_of_their_own_have_imagenets() -> None:
    assert PreprocessingSpec() == vistry.model("resnet50").preprocessing
