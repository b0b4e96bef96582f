"""Factors on the learning rate of some parameters: a step is a factor times that of the plain rate, in both engines."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
import torch
from flax import nnx
from torch import nn
from vistry.flax_layers import Conv, Linear
from vistry.hyperparameter.values import Hyperparameters
from vistry.loading.batches import Batch
from vistry.plugin.types import TrainingData
from vistry.registry.manifest import GradientClipping, MovingAverage, PreprocessingSpec
from vistry.registry.plugin_code import WrongAnswerError
from vistry.task.classification import ImageClassification
from vistry.training.engines import EngineSettings, engine_module
from vistry.training.engines.rate_factors import check_prefixes, rate_factors

TASK = ImageClassification()
DATA = TrainingData(("a", "b", "c"), (4, 4, 4), 12)
PLAIN = {"momentum": 0.0, "nesterov": False, "precision": "fp32", "deterministic": False, "random_seed": 0}
MOMENTS = {"beta1": 0.9, "beta2": 0.999, "ams_gradient": False}


class TorchNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first, self.second, self.head = nn.Conv2d(3, 4, 3), nn.Conv2d(4, 4, 3), nn.Linear(4, 3)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.head(self.second(self.first(images)).relu().mean((2, 3)))


class FlaxNet(nnx.Module):
    def __init__(self) -> None:
        random = np.random.default_rng(0)
        self.first, self.second = Conv(3, 4, 3, random=random), Conv(4, 4, 3, random=random)
        self.head = Linear(4, 3, random=random)

    def __call__(self, images: Any) -> Any:
        return self.head(nnx.relu(self.second(self.first(images))).mean((1, 2)))


def steps(backend: str, optimizer: str, factors: Mapping[str, float]) -> dict[str, Any]:
    """How far one update moves each tensor."""
    values = Hyperparameters.of({**PLAIN, **MOMENTS, "optimizer": optimizer, "weight_decay": 0.1, "weighted_loss": 0})
    settings = EngineSettings(values, PreprocessingSpec(), GradientClipping(at=100.0), rate_factors=factors)
    module = TorchNet() if backend == "torch" else FlaxNet()
    engine = engine_module(backend).make(module, settings, TASK.build_loss(values, backend, DATA), TASK.postprocess)
    before = {name: value.copy() for name, value in engine.weights().items()}
    random = np.random.default_rng(1)
    images = random.integers(0, 256, (6, 8, 8, 3), dtype=np.uint8)
    engine.accumulate(Batch(images, random.integers(0, 3, 6), np.arange(6)), 1.0, 0)
    engine.update(0.25)
    return {name: value - before[name] for name, value in engine.weights().items()}


@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
@pytest.mark.parametrize("backend", ["torch", "jax"])
def test_a_step_is_that_of_the_plain_rate_times_the_factor(backend: str, optimizer: str) -> None:
    plain = steps(backend, optimizer, {})
    scaled = steps(backend, optimizer, {"first.": 0.5, "second.": 0.0, "head.weight": 2})
    expected = {"first.weight": 0.5, "first.bias": 0.5, "second.weight": 0, "second.bias": 0, "head.weight": 2}
    assert all(np.abs(value).max() > 0 for value in plain.values())
    for name, value in plain.items():
        np.testing.assert_allclose(scaled[name], expected.get(name, 1) * value, rtol=1e-4, atol=1e-7, err_msg=name)


def test_the_longest_beginning_counts() -> None:
    names = ["backbone.0.weight", "backbone.1.weight", "backbone.10.weight", "head.bias"]
    found = rate_factors({"backbone.": 0.1, "backbone.1.": 0.2, "b": 0.3}, names)
    assert found == dict(zip(names, [0.1, 0.2, 0.1, 1.0], strict=True))


def test_a_beginning_of_no_name_is_refused() -> None:
    with pytest.raises(WrongAnswerError, match=r"'neck\.', which matches no parameter; the first names are a.w, b.w;"):
        check_prefixes({"a.": 0.1, "neck.": 0.1}, ["b.w", "a.w"])


def test_a_tensor_under_two_names_moves_once_in_the_average() -> None:
    class Tied(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            torch.manual_seed(0)
            self.head = nn.Linear(3, 3)
            self.same = self.head

        def forward(self, images: torch.Tensor) -> torch.Tensor:
            return self.same(images.mean((2, 3)))

    values = Hyperparameters.of({**PLAIN, "optimizer": "sgd", "weight_decay": 0.0, "weighted_loss": 0})
    settings = EngineSettings(values, PreprocessingSpec(), ema=MovingAverage(decay=0.9, updates=0.001))
    engine = engine_module("torch").make(Tied(), settings, TASK.build_loss(values, "torch", DATA), TASK.postprocess)
    before = engine.weights()["head.weight"].copy()
    images = np.random.default_rng(1).integers(0, 256, (6, 8, 8, 3), dtype=np.uint8)
    engine.accumulate(Batch(images, np.arange(6) % 3, np.arange(6)), 1.0, 0)
    engine.update(0.5)
    moved = engine.weights()["head.weight"] - before
    whole = engine.state()["model/head.weight"] - before
    np.testing.assert_allclose(moved, 0.1 * whole, rtol=1e-4, atol=1e-8)
