"""MobileNetV2 against published counts and torchvision's own model."""

from __future__ import annotations

import torch
import vistry
from torchvision.models import mobilenet_v2
from vistry.hyperparameter.schema import Source
from vistry.registry.catalogue import Catalogue
from vistry.training.model_context import ModelContext


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


def test_tensorflows_padding_is_torchvisions_turned_by_half_a_circle() -> None:
    """SAME pads an even size to the right and bottom, and torchvision's strided convolutions read it left and top."""
    catalogue = Catalogue.read()
    context = ModelContext.of(catalogue, catalogue.model("mobilenetv2"), task="image_classification", backend="torch")
    ours = context.resolved([Source.of({"weights_convention": "tensorflow"}, "the test")]).module(5).features
    weights = ours.state_dict()
    plain, turned = mobilenet_v2().features, mobilenet_v2().features
    plain.load_state_dict(weights)
    turned.load_state_dict({name: value.flip(2, 3) if value.ndim == 4 else value for name, value in weights.items()})
    images = torch.rand(4, 3, 64, 64)
    with torch.inference_mode():
        torch.testing.assert_close(ours(images), turned(images.flip(2, 3)).flip(2, 3), rtol=1e-3, atol=1e-4)
        assert (ours(images) - plain(images)).abs().max() > 0.1


def test_tensorflows_weights_see_pixels_from_minus_one_to_one() -> None:
    catalogue = Catalogue.read()
    context = ModelContext.of(catalogue, catalogue.model("mobilenetv2"), task="image_classification", backend="torch")
    preprocessing = {
        convention: context.resolved([Source.of({"weights_convention": convention}, "the test")]).preprocessing()
        for convention in ("torchvision", "tensorflow")
    }
    assert preprocessing["torchvision"].mean == (0.485, 0.456, 0.406)
    assert (preprocessing["tensorflow"].mean, preprocessing["tensorflow"].std) == ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
