"""The detectors against torchvision's own: names, counts, what they compute, and what they learn from."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import vistry
from safetensors.torch import save_file
from torch.nn import functional
from torchvision.models import detection
from torchvision.models.detection.backbone_utils import resnet_fpn_backbone
from torchvision.ops.feature_pyramid_network import LastLevelP6P7
from vistry.errors import RegistryError
from vistry.hyperparameter.values import Hyperparameters
from vistry.loading.batches import ImageBatch
from vistry.registry.catalogue import Catalogue
from vistry.torch_layers.norms import GroupNorm
from vistry.training.model_context import ModelContext

# Published by torchvision (resnet50), and torchvision's own classes on its other backbones, with 91 outputs: parameters
# with frozen batch norms, and with batch norms.
COUNTS = {
    "fasterrcnn_resnet18_fpn": (28730006, 28739606),
    "fasterrcnn_resnet34_fpn": (38830742, 38847766),
    "fasterrcnn_resnet50_fpn": (41755286, 41808406),
    "fasterrcnn_resnet101_fpn": (60695190, 60800534),
    "fasterrcnn_resnet152_fpn": (76292758, 76444182),
    "maskrcnn_resnet18_fpn": (31376113, 31385713),
    "maskrcnn_resnet34_fpn": (41476849, 41493873),
    "maskrcnn_resnet50_fpn": (44401393, 44454513),
    "maskrcnn_resnet101_fpn": (63341297, 63446641),
    "maskrcnn_resnet152_fpn": (78938865, 79090289),
    "retinanet_resnet50_fpn": (34014999, 34068119),
}
SIDE = 96


def task_of(model: str) -> str:
    return "segmentation" if model.startswith("maskrcnn") else "detection"


def made(model: str, classes: int = 3, **hyperparameters: Any) -> torch.nn.Module:
    module: torch.nn.Module = vistry.create(
        model, task=task_of(model), num_classes=classes, hyperparameters=hyperparameters
    )
    return module


def outlined(model: str, classes: int, **hyperparameters: Any) -> torch.nn.Module:
    """The model without numbers."""
    with torch.device("meta"):
        return made(model, classes, **hyperparameters)


@pytest.mark.parametrize("model", COUNTS)
@pytest.mark.parametrize("norm", ["frozen", "batch"])
def test_parameters_are_as_many_as_published(model: str, norm: str) -> None:
    classes = 91 if model.startswith("retinanet") else 90
    module = outlined(model, classes, backbone_norm=norm)
    count = sum(parameter.numel() for parameter in module.parameters())
    assert count == COUNTS[model][norm == "batch"]
    assert vistry.model(model).parameters == COUNTS[model][0]


@pytest.mark.parametrize(
    ("model", "build"),
    [
        ("fasterrcnn_resnet50_fpn", detection.fasterrcnn_resnet50_fpn),
        ("maskrcnn_resnet50_fpn", detection.maskrcnn_resnet50_fpn),
        ("retinanet_resnet50_fpn", detection.retinanet_resnet50_fpn),
    ],
)
def test_names_and_shapes_are_those_of_torchvisions_published_checkpoints(model: str, build: Any) -> None:
    with torch.device("meta"):
        theirs = build(weights=None, weights_backbone=None, num_classes=91)
    ours = outlined(model, 91 if model.startswith("retinanet") else 90, backbone_norm="frozen").state_dict()
    published = {name: value.shape for name, value in theirs.state_dict().items() if "num_batches" not in name}
    assert {name: value.shape for name, value in ours.items()} == published


def theirs_of(model: str, classes: int, **settings: Any) -> torch.nn.Module:
    """torchvision's own model on ResNet-18 with frozen batch norms, its resize and all."""
    if model.startswith("retinanet"):
        backbone = resnet_fpn_backbone(
            backbone_name="resnet18",
            weights=None,
            trainable_layers=5,
            returned_layers=[2, 3, 4],
            extra_blocks=LastLevelP6P7(256, 256),
        )
        sizes = tuple((side, int(side * 2 ** (1 / 3)), int(side * 2 ** (2 / 3))) for side in (32, 64, 128, 256, 512))
        anchors = detection.anchor_utils.AnchorGenerator(sizes, ((0.5, 1.0, 2.0),) * 5)
        return detection.RetinaNet(backbone, classes, anchor_generator=anchors, **settings)
    backbone = resnet_fpn_backbone(backbone_name="resnet18", weights=None, trainable_layers=5)
    kind = detection.FasterRCNN if model.startswith("fasterrcnn") else detection.MaskRCNN
    return kind(backbone, classes + 1, **settings)


@pytest.fixture(params=["fasterrcnn_resnet18_fpn", "maskrcnn_resnet18_fpn", "retinanet_resnet18_fpn"], scope="module")
def pair(request: pytest.FixtureRequest) -> tuple[str, torch.nn.Module, torch.nn.Module]:
    """A model of ours and torchvision's with the same weights, whose scores differ enough to be compared."""
    model = request.param
    ours = made(model, backbone_norm="frozen", box_score_threshold=0.005, nms_iou_threshold=0.4)
    random = torch.Generator().manual_seed(0)
    state = {
        name: value + 0.02 * torch.randn(value.shape, generator=random) if value.is_floating_point() else value
        for name, value in ours.state_dict().items()
        if "running_var" not in name
    }
    ours.load_state_dict(state, strict=False)
    names = ("score_thresh", "nms_thresh", "detections_per_img")
    if not model.startswith("retinanet"):
        names = ("box_score_thresh", "box_nms_thresh", "box_detections_per_img")
    settings = dict(zip(names, (0.005, 0.4, 100), strict=True))
    theirs = theirs_of(model, 3, min_size=SIDE, max_size=SIDE, **settings)
    theirs.load_state_dict(ours.state_dict(), strict=True)
    return model, ours, theirs


def images_of() -> torch.Tensor:
    return torch.rand(2, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(1))


def normalised(images: torch.Tensor) -> torch.Tensor:
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    return (images - mean[:, None, None]) / std[:, None, None]


def targets_of(model: str) -> list[dict[str, torch.Tensor]]:
    boxes = torch.tensor([[8.0, 8, 40, 56], [30, 20, 90, 88]])
    masks = torch.zeros(2, SIDE, SIDE, dtype=torch.uint8)
    masks[0, 8:56, 8:40] = 1
    masks[1, 20:88, 30:90] = 1
    nothing = {"boxes": boxes[:0], "labels": torch.zeros(0, dtype=torch.int64)}
    some = {"boxes": boxes, "labels": torch.tensor([0, 2])}
    if model.startswith("maskrcnn"):
        return [{**some, "masks": masks}, {**nothing, "masks": masks[:0]}]
    return [some, nothing]


def padded() -> ImageBatch:
    return ImageBatch(normalised(images_of()), [(SIDE, SIDE)] * 2)


def test_predictions_are_torchvisions(pair: tuple[str, torch.nn.Module, torch.nn.Module]) -> None:
    model, ours, theirs = pair
    with torch.no_grad():
        found = ours.eval()(padded())
        expected = theirs.eval()(list(images_of()))
    background = 0 if model.startswith("retinanet") else 1
    for one, other in zip(found, expected, strict=True):
        assert len(one["scores"]) > 5
        torch.testing.assert_close(one["boxes"], other["boxes"], rtol=1e-4, atol=1e-3)
        torch.testing.assert_close(one["scores"], other["scores"], rtol=1e-4, atol=1e-5)
        assert (one["labels"] + background).tolist() == other["labels"].tolist()


def test_losses_are_torchvisions_and_an_image_without_objects_trains(
    pair: tuple[str, torch.nn.Module, torch.nn.Module],
) -> None:
    model, ours, theirs = pair
    background = 0 if model.startswith("retinanet") else 1
    targets = targets_of(model)
    torch.manual_seed(0)
    torch.rand(2)  # torchvision draws a size for each image before it samples regions
    found = ours.train()(padded(), targets)
    torch.manual_seed(0)
    known = [{**target, "labels": target["labels"] + background} for target in targets]
    expected = theirs.train()(list(images_of()), known)
    assert found.keys() == expected.keys()
    for name, value in found.items():
        assert torch.isfinite(value)
        torch.testing.assert_close(value, expected[name], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("classes", [1, 40])
def test_masks_begin_undecided_however_few_the_classes(classes: int) -> None:
    targets = [{**target, "labels": target["labels"] * 0} for target in targets_of("maskrcnn_resnet18_fpn")]
    torch.manual_seed(0)
    losses = made("maskrcnn_resnet18_fpn", classes, backbone_norm="frozen").train()(padded(), targets)
    assert float(losses["loss_mask"].detach()) == pytest.approx(math.log(2), abs=0.1)


@pytest.mark.parametrize("model", COUNTS)
def test_layers_to_freeze_are_the_references(model: str) -> None:
    prefixes = [f"backbone.body.{name}." for name in ("conv1", "layer1", "layer2", "layer3", "layer4")]
    assert vistry.layers_to_freeze(model, task_of(model)) == tuple((prefix,) for prefix in prefixes)
    names = [name for name, _ in outlined(model, 2).named_parameters()]
    assert all(any(name.startswith(prefix) for name in names) for prefix in prefixes)


def test_every_backbone_with_feature_maps_has_each_detector() -> None:
    names = {card.name for card in vistry.models()}
    backbones = {"mobilenetv2", "resnest50", "resnest101", "seresnext", *(f"resnet{n}" for n in (18, 34, 50, 101, 152))}
    for family in ("fasterrcnn", "maskrcnn", "retinanet"):
        found = {re.sub(rf"^{family}_|_fpn$", "", name) for name in names if name.startswith(f"{family}_")}
        assert backbones <= found
    assert "fasterrcnn_vits16r224_fpn" not in names


@pytest.mark.parametrize(
    "model",
    ["fasterrcnn_mobilenetv2_fpn", "maskrcnn_resnest50_fpn", "retinanet_seresnext_fpn", "retinanet_resnet18_fpn"],
)
def test_a_composed_model_counts_and_computes(model: str) -> None:
    card = vistry.model(model)
    module = outlined(model, 91 if model.startswith("retinanet") else 90, backbone_norm="frozen")
    assert sum(parameter.numel() for parameter in module.parameters()) == card.parameters
    with torch.no_grad():
        found = made(model).eval()(ImageBatch(torch.zeros(1, 3, 64, 96), [(60, 90)]))
    assert found[0]["boxes"].shape[1] == 4


@pytest.mark.parametrize(("norm", "kind"), [("frozen", "Frozen"), ("batch", "BatchNorm2d"), ("group", "GroupNorm")])
def test_backbone_norm(norm: str, kind: str) -> None:
    module = outlined("retinanet_resnet18_fpn", 2, backbone_norm=norm)
    kinds = {
        type(part).__name__ for part in module.get_submodule("backbone.body").modules() if "Norm" in type(part).__name__
    }
    assert len(kinds) == 1
    assert kind in kinds.pop()


@pytest.mark.parametrize(("channels", "groups"), [(64, 32), (32, 16), (24, 12), (144, 24), (2048, 32), (3, 1), (1, 1)])
def test_groups_of_group_norm(channels: int, groups: int) -> None:
    norm = GroupNorm(channels, 1e-5).requires_grad_(False)
    maps = torch.randn(2, channels, 3, 5, generator=torch.Generator().manual_seed(0))
    expected = functional.layer_norm(maps.reshape(2, groups, -1), (channels // groups * 15,)).reshape(maps.shape)
    assert float((norm(maps) - expected).abs().max()) < 1e-5
    one_pixel = maps[:, :, :1, :1]
    if channels > 1:
        expected = functional.layer_norm(one_pixel.reshape(2, channels), (channels,)).reshape(one_pixel.shape)
        assert float((norm(one_pixel) - expected).abs().max()) < 1e-4


def kind_of_norm(module: torch.nn.Module) -> str:
    return type(module.get_submodule("backbone.body.bn1")).__name__


def test_auto_norms_of_a_run_before_they_were_settled() -> None:
    catalogue = Catalogue.read()
    card = catalogue.model("retinanet_resnet18_fpn")
    context = ModelContext.of(catalogue, card, task="image_object_detection", backend="torch")
    values = context.hyperparameters.settings
    kinds = []
    for weights in ("none", "imagenet"):
        with torch.device("meta"):
            module = context.with_hyperparameters(
                Hyperparameters([*values.values(), replace(values["weights"], value=weights)])
            ).module(2)
        kinds.append(kind_of_norm(module))
    assert kinds == ["BatchNorm2d", "FrozenBatchNorm2d"]


@pytest.mark.parametrize("family", ["fasterrcnn", "maskrcnn", "retinanet"])
def test_auto_norms_follow_the_weight_names(family: str, tmp_path: Path) -> None:
    """Statistics that were learned stay as they are; a network that has none, or no weights, gets group norms."""
    name = f"{family}_resnet18_fpn"
    kinds = {}
    for norm in ("frozen", "batch", "group"):
        path = tmp_path / f"{norm}.safetensors"
        save_file(made(name, backbone_norm=norm).state_dict(), path)
        kinds[norm] = kind_of_norm(made(name, weights=str(path)))
    assert kinds == {"frozen": "FrozenBatchNorm2d", "batch": "FrozenBatchNorm2d", "group": "GroupNorm"}
    assert kind_of_norm(made(name)) == "GroupNorm"
    assert kind_of_norm(made(name, weights=str(path), backbone_norm="group")) == "GroupNorm"


def test_a_model_on_a_missing_backbone_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VISTRY_DISABLE", "resnet")
    with pytest.raises(RegistryError, match="is built on 'resnet/resnet50', whose plugin is disabled"):
        vistry.model("fasterrcnn_resnet50_fpn")


def test_padding_beyond_an_image_changes_nothing_that_is_found(pair: Any) -> None:
    _, ours, _ = pair
    wide = torch.zeros(1, 3, SIDE, SIDE)
    wide[..., :64] = padded().pixels[:1, :, :, :64]
    with torch.no_grad():
        alone, beside = (
            ours.eval()(ImageBatch(image, [(SIDE, 64)]))[0] for image in (wide[..., :64].contiguous(), wide)
        )
    assert bool((beside["boxes"][:, 2] <= 64).all())
    assert np.isfinite(alone["scores"].numpy()).all()
