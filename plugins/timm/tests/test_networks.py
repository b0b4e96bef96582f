"""The networks as Vistry builds them: maps with a detector's norms, and names that timm's weights fit."""

from __future__ import annotations

import timm
import torch
import vistry
from timm.layers import BatchNormAct2d
from torch import nn
from vistry.torch_layers.norms import GroupNorm, with_batch_norms, with_norms
from vistry_timm.freezing import prefixes_of
from vistry_timm.networks import as_feature_maps, build
from vistry_timm.norms import with_exchangeable_norms


def activated() -> nn.Module:
    torch.manual_seed(0)
    norm = BatchNormAct2d(8)
    norm.running_mean.normal_()
    norm.running_var.uniform_(0.5, 2)
    return nn.Sequential(nn.Conv2d(3, 8, 3), norm)


def test_a_frozen_norm_keeps_its_activation() -> None:
    network, images = activated().eval(), torch.randn(2, 3, 8, 8)
    expected = network(images)
    frozen = with_norms(with_exchangeable_norms(network), "frozen")
    torch.testing.assert_close(frozen(images), expected)
    torch.testing.assert_close(with_batch_norms(frozen)(images), expected)
    assert [name for name, _ in frozen.named_parameters()] == ["0.weight", "0.bias"]


def test_a_group_norm_keeps_the_activation_of_the_norm_that_it_replaces() -> None:
    network, images = activated(), torch.randn(2, 3, 8, 8)
    exchanged = with_norms(with_exchangeable_norms(network), "group")
    norm = exchanged[1]
    assert isinstance(norm, GroupNorm)
    torch.testing.assert_close(norm(images := exchanged[0](images)), torch.relu(GroupNorm.forward(norm, images)))
    assert sorted(norm.state_dict()) == ["bias", "weight"]


def test_maps_are_those_that_timm_computes() -> None:
    torch.manual_seed(0)
    ours = build("resnet18", 1)
    theirs = timm.create_model("resnet18", features_only=True, out_indices=(1, 2, 3, 4))
    theirs.load_state_dict(ours.state_dict(), strict=False)
    images = torch.randn(1, 3, 64, 96)
    found = as_feature_maps(ours, (4, 8, 16, 32)).eval()(images)
    for mine, expected in zip(found, theirs.eval()(images), strict=True):
        torch.testing.assert_close(mine, expected)


def test_prefixes_begin_the_names_of_a_group_and_no_others() -> None:
    names = ["stem.conv.weight", "stem.norm.weight", "stages.0.a", "stages.1.a", "stages.10.a", "norm.w"]
    assert prefixes_of(names[:2], names) == ["stem."]
    assert prefixes_of(["stages.1.a"], names) == ["stages.1."]
    assert prefixes_of(["stem.conv.weight", "stages.0.a"], names) == ["stem.conv.", "stages.0."]
    assert prefixes_of(["pos"], ["pos", "position"]) == ["pos"]


def test_tensors_are_named_as_timms() -> None:
    with torch.device("meta"):
        ours = vistry.create("timm/resnet18", task="multiclass", num_classes=1000).state_dict()
        theirs = timm.create_model("resnet18").state_dict()
    assert {name: tensor.shape for name, tensor in ours.items()} == {
        name: tensor.shape for name, tensor in theirs.items()
    }


def test_a_rate_for_sgd_is_warned_about_with_adam() -> None:
    schema = vistry.hyperparameters("convnext_tiny", "multiclass")
    assert schema.defaults()["optimizer"] == "sgd"
    from vistry_timm.hooks import vistry_check_hyperparameters as check

    (problem,) = check({"optimizer": "adamw", "learning_rate": 0.0125})
    assert problem.severity == "warning"
    assert check({"optimizer": "adamw", "learning_rate": 0.0005}) == []
    assert check({"optimizer": "sgd", "learning_rate": 0.0125}) == []
