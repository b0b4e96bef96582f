"""ResNet against published counts and torchvision's own models."""

from __future__ import annotations

import pytest
import torch
import torchvision
import vistry
from vistry.plugin import FreezingMap
from vistry.training.engines.torch.module import freeze

COUNTS = {
    "resnet18": 11689512,
    "resnet34": 21797672,
    "resnet50": 25557032,
    "resnet101": 44549160,
    "resnet152": 60192808,
}
TRAINABLE = {
    "resnet50": [23518986, 23303178, 22083594, 14985226, 20490],
    "resnet18": [11172106, 11024138, 10498570, 8398858, 5130],
}


@pytest.mark.parametrize("name", COUNTS)
def test_parameter_counts_are_the_published_ones(name: str) -> None:
    with torch.device("meta"):
        model = vistry.create(name, task="multiclass", num_classes=1000)
    counted = sum(parameter.numel() for parameter in model.parameters())
    assert counted == vistry.model(name).parameters == COUNTS[name]


@pytest.mark.parametrize("name", COUNTS)
def test_the_state_is_named_as_torchvisions(name: str) -> None:
    with torch.device("meta"):
        ours = vistry.create(name, task="multilabel", num_classes=7).state_dict()
        theirs = getattr(torchvision.models, name)(num_classes=7).state_dict()
    assert {key: value.shape for key, value in ours.items()} == {key: value.shape for key, value in theirs.items()}


@pytest.mark.parametrize("name", TRAINABLE)
def test_trainable_parameters_after_freezing_are_the_published_ones(name: str) -> None:
    groups = vistry.layers_to_freeze(name, "multiclass")
    assert groups == (("conv1.", "bn1."), ("layer1.",), ("layer2.",), ("layer3.",), ("layer4.",))
    with torch.device("meta"):
        model = vistry.create(name, task="multiclass", num_classes=10)
    for layers, expected in enumerate(TRAINABLE[name], start=1):
        freeze(model, FreezingMap(groups), layers)
        assert sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad) == expected


def test_the_networks_compute_what_torchvisions_compute() -> None:
    ours = vistry.create("resnet18", task="multiclass", num_classes=4).eval()
    theirs = torchvision.models.resnet18(num_classes=4).eval()
    theirs.load_state_dict(ours.state_dict())
    images = torch.rand(2, 3, 64, 64)
    torch.testing.assert_close(ours(images), theirs(images))
