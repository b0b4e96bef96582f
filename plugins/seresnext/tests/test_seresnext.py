"""SE-ResNeXt against published counts, timm's own model, and the sizes it takes."""

from __future__ import annotations

import pytest
import torch
import vistry
from timm.models.senet import legacy_seresnext50_32x4d
from torch import nn
from vistry.errors import HyperparameterError
from vistry.plugin import FreezingMap
from vistry.training.engines.torch.module import freeze
from vistry.training.engines.torch.optimizer import parameter_groups

TASKS = ["image_classification", "image_classification_multilabel"]
TRAINABLE = [25521850, 25290634, 23960330, 16144778, 20490]
LAYERS = tuple((f"layer{number}.",) for number in range(5))


def build(num_classes: int) -> nn.Module:
    with torch.device("meta"):
        model: nn.Module = vistry.create("seresnext", task="multiclass", num_classes=num_classes)
    return model


def test_the_parameter_count_is_the_published_one() -> None:
    counted = sum(parameter.numel() for parameter in build(1000).parameters())
    assert counted == vistry.model("seresnext").parameters == 27559896


def test_the_state_is_named_as_timms() -> None:
    with torch.device("meta"):
        theirs = legacy_seresnext50_32x4d(num_classes=7).state_dict()
    ours = build(7).state_dict()
    assert {name: value.shape for name, value in ours.items()} == {name: value.shape for name, value in theirs.items()}


def test_trainable_parameters_after_freezing_are_the_published_ones() -> None:
    model = build(10)
    assert vistry.layers_to_freeze("seresnext", "multiclass") == LAYERS
    for layers, expected in enumerate(TRAINABLE, start=1):
        freeze(model, FreezingMap(LAYERS), layers)
        assert sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad) == expected


def test_the_layers_cover_all_but_the_head_once() -> None:
    for name, _ in build(10).named_parameters():
        assert sum(name.startswith(group) for group in LAYERS) == (not name.startswith("last_linear.")), name


def test_weights_decay_and_neither_biases_nor_batch_norm_do() -> None:
    model = build(10)
    decayed, plain = parameter_groups(model, 0.1)
    assert (decayed["weight_decay"], plain["weight_decay"]) == (0.1, 0.0)
    assert {parameter.ndim for parameter in decayed["params"]} == {2, 4}
    assert {parameter.ndim for parameter in plain["params"]} == {1}
    assert len(decayed["params"]) + len(plain["params"]) == len(list(model.parameters()))


def test_the_network_computes_what_timms_computes_and_drops_nothing_out() -> None:
    ours = vistry.create("seresnext", task="multiclass", num_classes=4).eval()
    theirs = legacy_seresnext50_32x4d(num_classes=4).eval()
    theirs.load_state_dict(ours.state_dict())
    images = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        torch.testing.assert_close(ours(images), theirs(images))
    assert ours.drop_rate == 0


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize(
    ("name", "value", "only"),
    [
        ("training_crop_size", 192, 224),
        ("validation_crop_size", 256, 224),
        ("validation_resize_size", 224, 256),
    ],
)
def test_another_size_is_an_error_that_says_why(task: str, name: str, value: int, only: int) -> None:
    with pytest.raises(
        HyperparameterError, match=f"{name}: {value}, from the call, must be {only} .*224.*another model"
    ):
        vistry.create("seresnext", task=task, num_classes=3, hyperparameters={name: value})


def test_its_own_sizes_may_be_named() -> None:
    sizes = {"training_crop_size": 224, "validation_crop_size": 224, "validation_resize_size": 256}
    with torch.device("meta"):
        vistry.create("seresnext", task="multiclass", num_classes=3, hyperparameters=sizes)
