"""MobileNetV2 against published counts and torchvision's own model."""

from __future__ import annotations

import torch
import vistry
from torchvision.models import mobilenet_v2


def test_the_parameter_count_is_the_published_one() -> None:
    with torch.device("meta"):
        model = vistry.create("mobilenetv2", task="multiclass", num_classes=1000)
    counted = sum(parameter.numel() for parameter in model.parameters())
    assert counted == vistry.model("mobilenetv2").parameters == 3504872


def test_the_state_is_named_as_torchvisions() -> None:
    with torch.device("meta"):
        ours = vistry.create("mobilenetv2", task="multilabel", num_classes=7).state_dict()
        theirs = mobilenet_v2(num_classes=7).state_dict()
    assert {name: value.shape for name, value in ours.items()} == {name: value.shape for name, value in theirs.items()}


def test_the_nineteen_layers_cover_all_but_the_head_once() -> None:
    groups = vistry.layers_to_freeze("mobilenetv2", "multiclass")
    assert groups == tuple((f"features.{index}.",) for index in range(19))
    with torch.device("meta"):
        model = vistry.create("mobilenetv2", task="multiclass", num_classes=3)
    for name, _ in model.named_parameters():
        matching = [group for group in groups if name.startswith(group)]
        assert len(matching) == (0 if name.startswith("classifier.") else 1), name
