"""Hooks that several families share."""

from __future__ import annotations

import subprocess
import sys
from collections import OrderedDict
from typing import Any, cast

import pytest
import torch
from torch import nn
from vistry.plugin import ModelCard
from vistry.torch_layers import detections_at, feature_maps_of_children, vistry_resolve_auto

CARD = cast(ModelCard, "a card")


def network() -> nn.Module:
    parts = [nn.Conv2d(3, 4, 2, stride=2), nn.Conv2d(4, 6, 2, stride=2), nn.Linear(6, 1)]
    return nn.Sequential(OrderedDict(zip(("stem", "body", "head"), parts, strict=True)))


def test_maps_are_the_outputs_of_the_named_children() -> None:
    whole = network()
    hook = feature_maps_of_children(lambda num_classes: whole, ("stem", "body"))
    maps = hook(CARD, {}, "torch")(torch.zeros(1, 3, 8, 8))
    assert [tuple(one.shape) for one in maps] == [(1, 4, 4, 4), (1, 6, 2, 2)]
    assert list(hook(CARD, {}, "torch").state_dict()) == ["stem.weight", "stem.bias", "body.weight", "body.bias"]


def test_the_model_is_built_with_the_arguments_that_its_hook_names() -> None:
    calls: list[Any] = []

    def build_model(num_classes: int, backend: str, card: ModelCard) -> nn.Module:
        calls.append((num_classes, backend, card))
        return network()

    feature_maps_of_children(build_model, ("stem",))(CARD, {}, "torch")
    assert calls == [(1, "torch", CARD)]


def test_there_are_no_maps_in_jax() -> None:
    assert feature_maps_of_children(network, ("stem",))(CARD, {}, "jax") is None


@pytest.mark.parametrize(
    ("given", "weight_names", "resolved"),
    [
        ("auto", [], {"backbone_norm": "group"}),
        ("auto", ["backbone.body.bn1.running_mean"], {"backbone_norm": "frozen"}),
        ("auto", ["backbone.body.bn1.weight"], {"backbone_norm": "group"}),
        ("batch", ["backbone.body.bn1.running_mean"], {}),
    ],
)
def test_auto_norms_follow_the_weights(given: str, weight_names: list[str], resolved: dict[str, str]) -> None:
    assert vistry_resolve_auto({"backbone_norm": given}, weight_names) == resolved


def test_the_hooks_import_no_tensor_library() -> None:
    code = "import sys, vistry_resnet.hooks, vistry_fasterrcnn.hooks; print({'torch', 'jax'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "set()\n"


def test_padding_of_the_selection_is_left_out() -> None:
    boxes = torch.arange(24.0).view(2, 3, 4)
    scores, labels = torch.tensor([[0.1, 0.2, 0.3]] * 2), torch.tensor([[0, 1, 2]] * 2)
    first, second = detections_at(torch.tensor([[2, 0, -1], [-1, -1, -1]]), boxes, scores, labels)
    assert first["labels"].tolist() == [2, 0]
    assert first["boxes"].tolist() == [boxes[0, 2].tolist(), boxes[0, 0].tolist()]
    assert second["boxes"].shape == (0, 4)
