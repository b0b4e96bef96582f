"""The moving average of weights: what is evaluated and kept, in both engines, against the formula written out."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from flax import nnx
from torch import nn
from vistry.flax_layers import BatchNorm, Conv, Linear
from vistry.hyperparameter.values import Hyperparameters
from vistry.loading.batches import Batch
from vistry.plugin import FreezingMap
from vistry.plugin.types import TrainingData
from vistry.registry.manifest import MovingAverage, PreprocessingSpec
from vistry.task.classification import ImageClassification
from vistry.training.engines import EngineSettings, engine_module
from vistry.training.engines.ema import ema_step, ramp_within

TASK = ImageClassification()
VALUES = Hyperparameters.of(
    {
        "optimizer": "sgd",
        "momentum": 0.9,
        "nesterov": True,
        "weight_decay": 0.01,
        "precision": "fp32",
        "deterministic": False,
        "random_seed": 0,
        "weighted_loss": 0,
    }
)
DATA = TrainingData(("a", "b", "c"), (4, 4, 4), 12)
AVERAGE = MovingAverage(decay=0.9, updates=3)
BACKENDS = ["torch", "jax"]
Arrays = dict[str, npt.NDArray[Any]]


class TorchNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.conv, self.bn, self.fc = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Linear(4, 3)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.fc(self.bn(self.conv(images)).relu().mean((2, 3)))


class FlaxNet(nnx.Module):
    def __init__(self) -> None:
        random = np.random.default_rng(0)
        self.conv, self.bn, self.fc = Conv(3, 4, 3, random=random), BatchNorm(4), Linear(4, 3, random=random)

    def __call__(self, images: Any) -> Any:
        return self.fc(nnx.relu(self.bn(self.conv(images))).mean((1, 2)))


def engine(backend: str, ema: MovingAverage | None, frozen_layers: int = 0) -> Any:
    module = TorchNet() if backend == "torch" else FlaxNet()
    settings = EngineSettings(
        VALUES,
        PreprocessingSpec(),
        freezing=FreezingMap((("conv.", "bn."),)),
        frozen_layers=frozen_layers,
        ema=ema,
    )
    return engine_module(backend).make(module, settings, TASK.build_loss(VALUES, backend, DATA), TASK.postprocess)


def update(trained: Any, step: int) -> None:
    random = np.random.default_rng(step)
    images = random.integers(0, 256, (6, 8, 8, 3), dtype=np.uint8)
    trained.accumulate(Batch(images, random.integers(0, 3, 6), np.arange(6)), 1.0, step)
    trained.update(0.1)


@pytest.mark.parametrize("backend", BACKENDS)
def test_it_is_the_formula_over_the_weights_of_each_update(backend: str) -> None:
    plain, averaged = engine(backend, None), engine(backend, AVERAGE)
    plain.load_weights(averaged.weights())
    expected = {name: value.astype(np.float64) for name, value in averaged.weights().items()}
    for step in range(5):
        for trained in (plain, averaged):
            update(trained, step)
        moved = 1 - 0.9 * (1 - math.exp(-(step + 1) / 3))
        for name, value in plain.weights().items():
            whole = name.endswith("num_batches_tracked")
            expected[name] = value if whole else expected[name] + moved * (value - expected[name])
    found = averaged.weights()
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, rtol=1e-5, atol=1e-6, err_msg=name)
    assert not np.allclose(found["conv.weight"], plain.weights()["conv.weight"])
    np.testing.assert_array_equal(averaged.state()["model/conv.weight"], plain.weights()["conv.weight"])


@pytest.mark.parametrize("backend", BACKENDS)
def test_predictions_are_those_of_the_average(backend: str) -> None:
    averaged, plain = engine(backend, AVERAGE), engine(backend, None)
    for step in range(3):
        update(averaged, step)
    plain.load_weights(averaged.weights())
    images = np.random.default_rng(9).integers(0, 256, (4, 8, 8, 3), dtype=np.uint8)
    np.testing.assert_allclose(averaged.predict(images), plain.predict(images), atol=1e-5)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_training_that_goes_on_ends_with_the_same_bits(backend: str) -> None:
    whole, first, second = (engine(backend, AVERAGE) for _ in range(3))
    for step in range(4):
        update(whole, step)
    for step in range(2):
        update(first, step)
    second.load_state({name: value.copy() for name, value in first.state().items()})
    for step in range(2, 4):
        update(second, step)
    expected: Arrays = whole.state()
    found: Arrays = second.state()
    assert expected.keys() == found.keys()
    for name, value in expected.items():
        np.testing.assert_array_equal(found[name], value, err_msg=name)


@pytest.mark.parametrize("backend", BACKENDS)
def test_what_is_frozen_does_not_move_by_a_bit(backend: str) -> None:
    averaged = engine(backend, AVERAGE, frozen_layers=1)
    before = {name: value.copy() for name, value in averaged.weights().items()}
    for step in range(3):
        update(averaged, step)
    after = averaged.weights()
    moved = {name for name, value in after.items() if not np.array_equal(value, before[name])}
    assert moved == {"fc.weight", "fc.bias"}


def test_both_engines_agree() -> None:
    ours, theirs = engine("torch", AVERAGE), engine("jax", AVERAGE)
    theirs.load_weights(ours.weights())
    for step in range(3):
        update(ours, step)
        update(theirs, step)
    expected = ours.weights()
    for name, value in theirs.weights().items():
        np.testing.assert_allclose(value, expected[name], rtol=1e-3, atol=1e-5, err_msg=name)


def test_weights_that_are_set_start_the_average_anew() -> None:
    averaged = engine("torch", AVERAGE)
    for step in range(3):
        update(averaged, step)
    fresh = engine("torch", AVERAGE).weights()
    averaged.load_weights(fresh)
    for name, value in averaged.weights().items():
        np.testing.assert_array_equal(value, fresh[name])


@pytest.mark.parametrize("total", [100, 400, 4000, 10_000])
def test_a_short_training_ends_with_the_average_of_its_last_tenth(total: int) -> None:
    ramp = ramp_within(MovingAverage(decay=0.9999), total)
    assert ramp is not None
    weights = [0.0] * (total + 1)  # how much of the average each update's weights are
    weights[0] = 1.0
    for update in range(1, total + 1):
        keep = 1 - ema_step(ramp, update)
        weights = [keep * weight for weight in weights]
        weights[update] = 1 - keep
    assert sum(weights) == pytest.approx(1)
    assert 1 / weights[total] == pytest.approx(total / 10, rel=0.15)  # updates of an average of equals: 1 / weight
    assert weights[0] < 1e-6
    mean_age = sum(weight * (total - update) for update, weight in enumerate(weights))
    assert 0.05 * total < mean_age < 0.2 * total


@pytest.mark.parametrize("total", [1, 2, 27, 28, 400, 14_000, 500_000])
def test_the_decay_is_the_formula_with_a_ramp_of_the_training(total: int) -> None:
    ramp = ramp_within(MovingAverage(decay=0.9999), total)
    assert ramp is not None
    length = total if total < 28 else min(2000, total / math.log(total / 10))
    for update in (1, total // 2 + 1, total):
        expected = 1 - 0.9999 * (1 - math.exp(-update / length))
        assert ema_step(ramp, update) == pytest.approx(expected, rel=1e-12)


def test_a_long_training_has_the_ramp_of_the_manifest() -> None:
    assert ramp_within(AVERAGE, 100_000) == AVERAGE
    assert ramp_within(AVERAGE, None) == AVERAGE
    assert ramp_within(None, 100) is None


def test_a_decay_that_would_never_move_is_refused() -> None:
    with pytest.raises(ValueError, match="'decay' must be below 1: at 1 the average would never move"):
        MovingAverage(decay=1.0)
