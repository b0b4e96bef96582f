"""ResNeSt against published counts and timm's own models."""

from __future__ import annotations

import pytest
import torch
import vistry
from timm.models import resnest
from torch import nn
from vistry.errors import HyperparameterError
from vistry.plugin import FreezingMap
from vistry.training.engines.torch.module import freeze
from vistry.training.engines.torch.optimizer import parameter_groups

TIMM = {"resnest50": resnest.resnest50d, "resnest101": resnest.resnest101e}
COUNTS = {"resnest50": 27483240, "resnest101": 48275016}
LAYERS = (("conv1.", "bn1."), ("layer1.",), ("layer2.",), ("layer3.",), ("layer4.",))


def build(name: str, num_classes: int) -> nn.Module:
    with torch.device("meta"):
        model: nn.Module = vistry.create(name, task="multilabel", num_classes=num_classes)
    return model


@pytest.mark.parametrize("name", COUNTS)
def test_parameter_counts_are_the_published_ones(name: str) -> None:
    counted = sum(parameter.numel() for parameter in build(name, 1000).parameters())
    assert counted == vistry.model(name).parameters == COUNTS[name]


@pytest.mark.parametrize("name", COUNTS)
def test_the_state_is_named_as_timms(name: str) -> None:
    with torch.device("meta"):
        theirs = TIMM[name](num_classes=7).state_dict()
    ours = build(name, 7).state_dict()
    assert {key: value.shape for key, value in ours.items()} == {key: value.shape for key, value in theirs.items()}


@pytest.mark.parametrize("name", COUNTS)
def test_the_layers_cover_all_but_the_head_once(name: str) -> None:
    assert vistry.layers_to_freeze(name, "multilabel") == LAYERS
    for key, _ in build(name, 10).named_parameters():
        assert sum(key.startswith(group) for group in LAYERS) == (not key.startswith("fc.")), key


@pytest.mark.parametrize("name", COUNTS)
def test_with_every_layer_frozen_the_head_alone_trains(name: str) -> None:
    model = build(name, 10)
    still = freeze(model, FreezingMap(LAYERS), len(LAYERS))
    assert sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad) == 2048 * 10 + 10
    assert len(still) == sum(isinstance(module, nn.BatchNorm2d) for module in model.modules())


@pytest.mark.parametrize("name", COUNTS)
def test_weights_decay_and_neither_biases_nor_batch_norm_do(name: str) -> None:
    model = build(name, 10)
    decayed, plain = parameter_groups(model, 0.1)
    assert {parameter.ndim for parameter in decayed["params"]} == {2, 4}
    assert {parameter.ndim for parameter in plain["params"]} == {1}
    assert len(decayed["params"]) + len(plain["params"]) == len(list(model.parameters()))


def test_the_networks_compute_what_timms_compute() -> None:
    ours = vistry.create("resnest50", task="multiclass", num_classes=4).eval()
    theirs = resnest.resnest50d(num_classes=4).eval()
    theirs.load_state_dict(ours.state_dict())
    images = torch.rand(2, 3, 64, 64)
    with torch.no_grad():
        torch.testing.assert_close(ours(images), theirs(images))


def test_a_batch_that_could_leave_one_image_over_is_refused() -> None:
    with pytest.raises(HyperparameterError, match="training_batch_size: 2, .* must be an integer of at least 3"):
        vistry.create("resnest50", task="multiclass", num_classes=3, hyperparameters={"training_batch_size": 2})


def test_one_image_alone_is_what_it_can_not_train_on() -> None:
    model = vistry.create("resnest50", task="multiclass", num_classes=3).train()
    with pytest.raises(ValueError, match="more than 1 value per channel"):
        model(torch.rand(1, 3, 224, 224))
