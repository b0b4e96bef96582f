"""Shrunken sizes of each family, which a test can wait for, and pictures to learn by heart."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image, ImageDraw
from torch import nn
from vistry.hyperparameter.values import Hyperparameters
from vistry.registry.catalogue import Catalogue
from vistry.registry.discovery import discover
from vistry.registry.policy import Policy
from vistry.training.model_context import ModelContext
from vistry_detr import deimv2, dfine, rfdetr
from vistry_detr.hgnet import HGNet

SIDE = 64
HGNET = HGNet((8, 8), (8, 8, 16, 16), (16, 32, 48, 64), (1, 1, 1, 1), 2, (3, 4))
WIDTHS: dict[str, Any] = {
    "num_feature_levels": 2,
    "feat_strides": [16, 32],
    "encode_proj_layers": [1],
    "encoder_hidden_dim": 32,
    "encoder_ffn_dim": 64,
    "hidden_expansion": 0.5,
    "depth_mult": 0.34,
    "d_model": 32,
    "decoder_in_channels": [32, 32],
    "decoder_ffn_dim": 64,
    "decoder_n_points": [2, 2],
    "decoder_layers": 2,
    "num_queries": 20,
    "num_denoising": 10,
}
# By model: the module with its size, and that size as small as it goes.
TINY = {
    "dfine_n": (dfine, "n", (HGNET, WIDTHS)),
    "deimv2_n": (deimv2, "n", (HGNET, WIDTHS)),
    "rfdetr_nano": (rfdetr, "nano", rfdetr.Size(SIDE, 2, queries=16, width=48, heads=3)),
    "rfdetr_seg_nano": (rfdetr, "seg_nano", rfdetr.Size(SIDE, 2, queries=16, width=48, heads=3, masks=True)),
}
PUBLISHED = ("test_kit", "test_sizes")  # files whose tests are about the sizes as they are
SEGMENTATION = "image_instance_segmentation"
Context = Callable[..., ModelContext]


def task_of(model: str) -> str:
    return SEGMENTATION if "seg" in model else "image_object_detection"


@pytest.fixture(autouse=True)
def shrunken(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sizes of TINY in place of the published ones, but where the published ones are tested."""
    if request.path.stem not in PUBLISHED:
        for module, size, tiny in TINY.values():
            monkeypatch.setattr(module, "SIZES", {**module.SIZES, size: tiny})


@pytest.fixture(scope="session")
def catalogue() -> Catalogue:
    return Catalogue.of(discover(), Policy())


@pytest.fixture(scope="session")
def context_of(catalogue: Catalogue) -> Context:
    """The context of a model, with values that its manifest's ranges need not allow: the shrunken ones take less."""

    def make(model: str, **values: Any) -> ModelContext:
        context = ModelContext.of(catalogue, catalogue.model(model), task=task_of(model), backend="torch")
        given = {"image_size": SIDE, "multi_scale": 0, "precision": "fp32", **values}
        return context.with_hyperparameters(Hyperparameters.of({**context.schema.resolve(), **given}))

    return make


@pytest.fixture(scope="session")
def lively() -> Callable[[nn.Module], None]:
    """Sets weights at which classes and boxes differ from query to query, as trained ones do."""
    return _lively


@pytest.fixture(scope="session")
def targets() -> Callable[[bool], list[dict[str, torch.Tensor]]]:
    """Makes two objects in the first image, and none in the second."""
    return _targets


def _lively(network: nn.Module) -> None:
    random = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if "class_embed" in name or "score_head" in name or "bbox" in name:
                parameter.add_(torch.randn(parameter.shape, generator=random) / parameter.shape[-1] ** 0.5)


def _targets(masks: bool) -> list[dict[str, torch.Tensor]]:
    boxes = torch.tensor([[6.0, 10.0, 30.0, 40.0], [28.0, 20.0, 60.0, 52.0]])
    first = {"boxes": boxes, "labels": torch.tensor([1, 2])}
    second = {"boxes": torch.zeros(0, 4), "labels": torch.zeros(0, dtype=torch.int64)}
    if masks:
        drawn = torch.zeros(2, SIDE, SIDE, dtype=torch.uint8)
        drawn[0, 10:40, 6:30], drawn[1, 20:52, 28:60] = 1, 1
        first["masks"], second["masks"] = drawn, torch.zeros(0, SIDE, SIDE, dtype=torch.uint8)
    return [first, second]


@pytest.fixture(scope="session")
def picture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set of four copies of one picture, each with another corner pixel, with two shapes and their outlines."""
    root = tmp_path_factory.mktemp("picture")
    rows = []
    for shade in range(4):
        image = Image.new("RGB", (96, 80), (30, 30, 40))
        pen = ImageDraw.Draw(image)
        pen.rectangle([10, 12, 41, 47], fill=(230, 90, 60))
        pen.rectangle([50, 30, 85, 69], fill=(70, 160, 240))
        image.putpixel((0, 0), (shade, 0, 0))
        path = root / f"{shade}.png"
        image.save(path)
        labels = [_label("red", (10, 12, 42, 48)), _label("blue", (50, 30, 86, 70))]
        rows.append(json.dumps({"image_url": str(path), "label": labels}))
    data = root / "data.jsonl"
    data.write_text("\n".join(rows))
    return data


def _label(name: str, box: tuple[int, int, int, int]) -> dict[str, Any]:
    left, top, right, bottom = box[0] / 96, box[1] / 80, box[2] / 96, box[3] / 80
    ring = [left, top, right, top, right, bottom, left, bottom]
    return {
        "label": name,
        "isCrowd": 0,
        "topX": left,
        "topY": top,
        "bottomX": right,
        "bottomY": bottom,
        "polygon": [ring],
    }
