"""Detectors and backbones whose outputs break the contract, on a few drawn shapes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from vistry.plugin.calls import BrokenPluginError
from vistry.registry.catalogue import Catalogue
from vistry.training.model_context import ModelContext

SHAPES = Path(__file__).parents[1] / "frozen" / "shapes"
DETECTOR = """from __future__ import annotations

import torch
from torch import nn


class Network(nn.Module):
    def __init__(self, num_classes):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, stride=8)

    def forward(self, images, targets=None):
        signal = self.conv(images.pixels).mean()
        if self.training:
            return {"signal": signal}
        boxes, scores, labels = torch.tensor([[4.0, 6.0, 20.0, 24.0]]), torch.tensor([0.5]), torch.tensor([1])
        return [{"boxes": boxes, "scores": scores, "labels": labels} for _ in images.sizes]
"""
OUTPUT = '[{"boxes": boxes, "scores": scores, "labels": labels} for _ in images.sizes]'
MAPS = """

@hookimpl
def vistry_build_feature_maps(card):
    from {package}.network import Network

    network = Network(1)
    network.forward = lambda images: {maps}
    return network
"""
STATED = "\n[models.faultynet.feature_maps]\nchannels = [4]\nstrides = [2]\nparameters = 10\n"


@pytest.mark.parametrize(
    ("new", "said"),
    [
        (OUTPUT.replace("scores,", "3 * scores,"), "returned scores from 1.5 to 1.5; they must be in [0, 1]"),
        (
            OUTPUT.replace("labels}", "labels + 1}"),
            "returned the label 2; labels are 0 to 1, without a background class",
        ),
        (OUTPUT.replace("labels}", "labels - 2}"), "returned the label -1; labels are 0 to 1"),
        (
            OUTPUT.replace(": boxes", ": boxes[:, [2, 3, 0, 1]]"),
            "returned the box [20.0, 24.0, 4.0, 6.0]; boxes are x1, y1, x2, y2 with x2 >= x1",
        ),
        (
            OUTPUT.replace(": boxes", ": boxes[:, :3]"),
            "returned boxes of the shape [1, 3] for 1 scores; it must be [1, 4]",
        ),
        (OUTPUT.replace(": boxes", ": boxes / 0"), "returned boxes that are not finite"),
        (OUTPUT.replace("sizes]", "sizes[1:]]"), "returned 1 predictions for 2 images; return one each"),
        (OUTPUT.replace('"labels"', '"classes"'), "return a dictionary of boxes, scores, labels"),
        ("signal", "returned Tensor; return a list with a dictionary"),
        ("None", "returned None; return a list with a dictionary"),
    ],
)
def test_a_detector_whose_outputs_are_wrong(new: str, said: str, write: Callable[..., Path], run: Any) -> None:
    folder = write("faulty", head="")
    manifest = folder / "plugin.toml"
    text = manifest.read_text().replace("image_classification", "image_object_detection")
    manifest.write_text("\n".join(line for line in text.splitlines() if not line.startswith("defaults")))
    (folder / "network.py").write_text(DETECTOR.replace(OUTPUT, new))
    values = ("--number_of_epochs", 1, "--number_of_workers", 1, "--min_size", 64, "--max_size", 64)
    sizes = ("--validation_batch_size", 2, "--training_batch_size", 8, "--precision", "fp32", "--output", "run")
    data = ("--data", SHAPES / "det.jsonl", "--model", "faultynet")
    found = run("train", "--task", "detection", *data, *values, *sizes)
    assert found.status == 2, found.text
    [line] = [line for line in found.text.splitlines() if not line.startswith(("warning: ", "note: "))]
    assert f"the forward pass of faulty/faultynet ({folder / 'network.py'}:12) {said}" in line or said in line, line
    assert line.startswith("error: the plugin 'faulty' of vistry-faulty 1.0 is broken: the forward pass of"), line


@pytest.mark.parametrize(
    ("maps", "said"),
    [
        ("[network.conv(images)]", ""),
        ("[network.conv(network.conv(images)[:, :3])]", "features maps of"),
        ("[network.conv(images)[:, :3]]", "[(4, 2)], but the module's are [(3, 2)]"),
        ("[network.conv(images)] * 2", "[(4, 2)], but the module's are [(4, 2), (4, 2)]"),
        ("network.conv(images)", "are no list of maps; return a list"),
    ],
)
def test_the_first_feature_maps_are_held_against_the_manifest(
    maps: str, said: str, write: Callable[..., Path], no_policy: None
) -> None:
    import torch

    folder = write("faulty", more=STATED)
    hooks = folder / "hooks.py"
    hooks.write_text(hooks.read_text() + MAPS.replace("{package}", folder.name).replace("{maps}", maps))
    catalogue = Catalogue.read()
    card = catalogue.model("faultynet")
    context = ModelContext.of(catalogue, card, task="image_classification", backend="torch")
    backbone = context.feature_maps()
    assert backbone is not None
    images = torch.zeros(1, 3, 64, 64)
    if not said:
        assert len(backbone.module(images)) == 1
        assert not backbone.module._forward_hooks
        return
    with pytest.raises(BrokenPluginError) as caught:
        backbone.module(images)
    assert f"the feature maps of faulty/faultynet ({hooks}:" in caught.value.reason
    assert said.replace("features maps of", "but the module's are [(4, 4)]") in caught.value.reason
    backbone.module(images)  # asked once


JAX = """from __future__ import annotations

import numpy as np
from flax import nnx
from vistry.flax_layers import Conv, Linear


class Network(nnx.Module):
    def __init__(self, num_classes):
        random = np.random.default_rng(0)
        self.conv = Conv(3, 4, 3, stride=2, random=random)
        self.head = Linear(4, num_classes, random=random)

    def __call__(self, images):
        return self.head(self.conv(images).mean((1, 2)))
"""
CALL = "self.head(self.conv(images).mean((1, 2)))"


@pytest.mark.parametrize(
    ("new", "line", "said"),
    [
        (f"{CALL}[:, 1:]", 14, "an invalid shape of the output: expected [19, 2], got [19, 1]"),
        (f"{CALL} / [][0]", 15, "raised IndexError: list index out of range"),
        ("self.head(images)", 15, "raised TypeError: dot_general"),
    ],
)
def test_the_same_in_jax(new: str, line: int, said: str, write: Callable[..., Path], train: Any) -> None:
    folder = write("faulty")
    manifest = folder / "plugin.toml"
    manifest.write_text(manifest.read_text().replace('backends = ["torch"]', 'backends = ["jax"]'))
    (folder / "network.py").write_text(JAX.replace(CALL, new))
    found = train("faultynet", "--backend", "jax")
    assert f"the forward pass of faulty/faultynet ({folder / 'network.py'}:{line}) " in found.text, found.text
    assert said in found.text


def test_feature_maps_in_jax_are_checked_when_they_are_built(write: Callable[..., Path], no_policy: None) -> None:
    folder = write("faulty", more=STATED)
    manifest = folder / "plugin.toml"
    manifest.write_text(manifest.read_text().replace('backends = ["torch"]', 'backends = ["jax"]'))
    (folder / "network.py").write_text(JAX.replace(CALL, "[self.conv(self.conv(images)[..., :3])]"))
    hooks = folder / "hooks.py"
    built = MAPS.replace("    network.forward = lambda images: {maps}\n", "").replace("{package}", folder.name)
    hooks.write_text(hooks.read_text() + built)
    catalogue = Catalogue.read()
    context = ModelContext.of(catalogue, catalogue.model("faultynet"), task="image_classification", backend="jax")
    with pytest.raises(BrokenPluginError, match=r"\[\(4, 2\)\], but the module's are \[\(4, 4\)\]"):
        context.feature_maps()
