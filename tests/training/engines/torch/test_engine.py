"""The torch engine against loops written out by hand, and against published counts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
import vistry
from torch import nn
from vistry.errors import HyperparameterError
from vistry.hyperparameter.values import Hyperparameters
from vistry.loading.batches import Batch
from vistry.plugin import FreezingMap
from vistry.plugin.types import TrainingData
from vistry.registry.manifest import GradientClipping, MovingAverage, PreprocessingSpec
from vistry.registry.plugin_code import WrongAnswerError
from vistry.task.classification import ImageClassification
from vistry.training.engines import EngineSettings, engine_module
from vistry.training.engines.torch import precision as precision_module
from vistry.training.engines.torch.engine import TorchEngine
from vistry.training.engines.torch.folding import with_folded_norms
from vistry.training.engines.torch.module import freeze
from vistry.training.engines.torch.optimizer import parameter_groups
from vistry.training.engines.torch.precision import pick_precision

TASK = ImageClassification()
BASE = Hyperparameters.of(
    {
        "optimizer": "sgd",
        "momentum": 0.9,
        "nesterov": True,
        "weight_decay": 0.01,
        "beta1": 0.8,
        "beta2": 0.95,
        "ams_gradient": False,
        "precision": "fp32",
        "deterministic": False,
        "random_seed": 0,
        "weighted_loss": 0,
    }
)
DATA = TrainingData(("a", "b", "c"), (4, 4, 4), 12)


def _module() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, bias=False),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(8, 3),
    )


def _engine(module: nn.Module, clipping: GradientClipping | None = None, **changes: Any) -> TorchEngine:
    values = BASE.changed(changes)
    settings = EngineSettings(values, PreprocessingSpec(), clipping or GradientClipping(at=1e9))
    return TorchEngine(module, settings, TASK.build_loss(values, "torch", DATA), TASK.postprocess)


def _batch(count: int = 6, seed: int = 0) -> Batch:
    random = np.random.default_rng(seed)
    images = random.integers(0, 256, (count, 10, 10, 3), dtype=np.uint8)
    return Batch(images, random.integers(0, 3, count), np.arange(count))


def _pixels(batch: Batch) -> torch.Tensor:
    mean = torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1)
    std = torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1)
    return (torch.from_numpy(batch.images).permute(0, 3, 1, 2) / 255 - mean) / std


def _by_hand(module: nn.Module, optimizer: torch.optim.Optimizer, steps: int = 3) -> nn.Module:
    module.train()
    for step in range(steps):
        batch = _batch(seed=step)
        loss = nn.functional.cross_entropy(module(_pixels(batch)), torch.from_numpy(batch.targets))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return module


def _groups(module: nn.Module, decay: float) -> list[dict[str, Any]]:
    decayed = [module[0].weight, module[5].weight]
    plain = [module[1].weight, module[1].bias, module[5].bias]
    return [{"params": decayed, "weight_decay": decay}, {"params": plain, "weight_decay": 0}]


def _same(first: nn.Module, second: nn.Module) -> None:
    for (name, ours), theirs in zip(first.state_dict().items(), second.state_dict().values(), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-6, msg=name)


@pytest.mark.parametrize(
    ("changes", "make"),
    [
        ({}, lambda groups: torch.optim.SGD(groups, 0.1, momentum=0.9, nesterov=True)),
        ({"momentum": 0.5, "nesterov": False}, lambda groups: torch.optim.SGD(groups, 0.1, momentum=0.5)),
        ({"optimizer": "adam"}, lambda groups: torch.optim.Adam(groups, 0.1, betas=(0.8, 0.95))),
        ({"optimizer": "adamw"}, lambda groups: torch.optim.AdamW(groups, 0.1, betas=(0.8, 0.95))),
        (
            {"optimizer": "adamw", "ams_gradient": True},
            lambda groups: torch.optim.AdamW(groups, 0.1, betas=(0.8, 0.95), amsgrad=True),
        ),
        ({"weight_decay": 0.3}, lambda groups: torch.optim.SGD(groups, 0.1, momentum=0.9, nesterov=True)),
    ],
)
def test_each_optimizer_steps_as_torchs_own_loop(changes: dict[str, Any], make: Any) -> None:
    engine = _engine(_module(), **changes)
    for step in range(3):
        engine.accumulate(_batch(seed=step), 1.0, step)
        engine.update(0.1)
    theirs = _module()
    _by_hand(theirs, make(_groups(theirs, changes.get("weight_decay", 0.01))))
    _same(engine.model, theirs)


def test_accumulated_batches_equal_one_large_batch() -> None:
    def module() -> nn.Module:
        torch.manual_seed(0)
        return nn.Sequential(nn.Flatten(), nn.Linear(300, 3))

    whole = _batch(12)
    one, many = _engine(module()), _engine(module())
    one.accumulate(whole, 1.0, 0)
    for part in np.array_split(np.arange(12), 5):
        many.accumulate(Batch(whole.images[part], whole.targets[part], part), len(part) / 12, 0)
    one.update(0.1)
    many.update(0.1)
    _same(one.model, many.model)


def test_clipping_by_value_and_by_norm() -> None:
    def changes_of(clipping: GradientClipping) -> torch.Tensor:
        engine = _engine(_module(), clipping, momentum=0.0, nesterov=False, weight_decay=0.0)
        before = torch.cat([value.flatten().clone() for value in engine.model.parameters()])
        engine.accumulate(_batch(), 1000.0, 0)
        engine.update(1.0)
        after = torch.cat([value.flatten() for value in engine.model.parameters()])
        return (after - before).detach()

    assert changes_of(GradientClipping(by="value", at=0.5)).abs().max() == pytest.approx(0.5, rel=1e-4)
    assert changes_of(GradientClipping(by="norm", at=0.5)).norm() == pytest.approx(0.5, rel=1e-3)


def test_groups_decay_weights_only_and_leave_no_parameter_out() -> None:
    class WithToken(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.token = nn.Parameter(torch.zeros(3))
            self.norm = nn.LayerNorm(3)
            self.bn = nn.BatchNorm2d(3)
            self.linear = nn.Linear(3, 3)

    model = WithToken()
    decayed, plain = (set(map(id, group["params"])) for group in parameter_groups(model, 0.1))
    assert decayed == {id(model.norm.weight), id(model.linear.weight)}
    assert plain == {id(p) for p in (model.token, model.norm.bias, model.bn.weight, model.bn.bias, model.linear.bias)}


def test_frozen_parameters_and_their_batch_norm_do_not_move() -> None:
    settings = EngineSettings(
        BASE, PreprocessingSpec(), GradientClipping(), FreezingMap((("0.",), ("1.",), ("5.",))), 2
    )
    engine = TorchEngine(_module(), settings, TASK.build_loss(BASE, "torch", DATA), TASK.postprocess)
    before = {name: value.copy() for name, value in engine.weights().items()}
    engine.accumulate(_batch(), 1.0, 0)
    engine.update(0.1)
    moved = {name for name, value in engine.weights().items() if (value != before[name]).any()}
    assert moved == {"5.weight", "5.bias"}


def test_batch_norm_moves_where_the_freezing_map_says_so() -> None:
    settings = EngineSettings(
        BASE, PreprocessingSpec(), GradientClipping(), FreezingMap((("0.", "1."),), freeze_batch_norm=False), 1
    )
    engine = TorchEngine(_module(), settings, TASK.build_loss(BASE, "torch", DATA), TASK.postprocess)
    before = engine.weights()["1.running_mean"].copy()
    engine.accumulate(_batch(), 1.0, 0)
    engine.update(0.1)
    assert (engine.weights()["1.running_mean"] != before).any()


def test_more_layers_than_there_are_is_an_error() -> None:
    with pytest.raises(HyperparameterError, match="3 is more than the 2 layers .* use at most 2"):
        freeze(_module(), FreezingMap((("0.",), ("1.",))), 3)


def test_a_prefix_that_matches_nothing_is_an_error() -> None:
    with pytest.raises(WrongAnswerError, match=r"the prefix 'stem\.', which matches no parameter"):
        freeze(_module(), FreezingMap((("stem.",),)), 1)


def test_fp16_is_refused_on_a_processor() -> None:
    with pytest.raises(HyperparameterError, match="fp16 needs a GPU"):
        pick_precision("fp16", torch.device("cpu"))


@pytest.mark.parametrize(
    ("tiles", "able", "gain", "expected"),
    [
        (True, True, 0.5, ("bf16", "this processor multiplies bf16 in tiles (AMX)")),
        (False, False, 9.0, ("fp32", "this processor doesn't compute bf16")),
        (False, True, 1.9, ("bf16", "a convolution in bf16 is 1.9 times as fast here")),
        (False, True, 0.6, ("fp32", "a convolution in bf16 is 0.6 times as fast here")),
    ],
)
def test_auto_takes_the_faster_format_and_says_why(
    tiles: bool, able: bool, gain: float, expected: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: tiles)
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: able)
    monkeypatch.setattr(precision_module, "bf16_gain", lambda: gain)
    assert pick_precision("auto", torch.device("cpu")) == expected
    assert pick_precision("fp32", torch.device("cpu")) == ("fp32", "as asked")


def test_the_gain_of_bf16_is_measured() -> None:
    assert 0.01 < precision_module.bf16_gain() < 100


def test_bf16_rounds_what_fp32_does_not() -> None:
    outputs = {
        precision: _engine(_module(), precision=precision).predict(_batch().images) for precision in ("fp32", "bf16")
    }
    assert (outputs["fp32"] != outputs["bf16"]).any()
    np.testing.assert_allclose(outputs["fp32"], outputs["bf16"], atol=0.02)


class _Undecided(nn.Module):
    """Takes one of two ways by what it sees, which can't be traced."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = _module()

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.inner(images if images.mean() > 0 else -images)


def test_an_engine_that_only_predicts_folds_batch_norm_away() -> None:
    training, batch = _engine(_module()), _batch()
    for step in range(3):
        training.accumulate(_batch(seed=step), 1.0, step)
        training.update(0.1)
    predicting = TorchEngine(_module(), EngineSettings(BASE, PreprocessingSpec()), None, TASK.postprocess)
    fresh = predicting.predict(batch.images)
    predicting.load_weights(training.weights())
    np.testing.assert_allclose(predicting.predict(batch.images), training.predict(batch.images), atol=1e-5)
    assert np.abs(predicting.predict(batch.images) - fresh).max() > 1e-3
    assert predicting.weights().keys() == training.weights().keys()
    assert not any(isinstance(part, nn.BatchNorm2d) for part in with_folded_norms(_module()).modules())


@pytest.mark.parametrize("ema", [None, MovingAverage(decay=0.9, updates=3)])
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_validation_and_prediction_compute_alike_to_the_bit(precision: str, ema: MovingAverage | None) -> None:
    values = BASE.changed({"precision": precision})
    settings = EngineSettings(values, PreprocessingSpec(), ema=ema)
    training = TorchEngine(_module(), settings, TASK.build_loss(values, "torch", DATA), TASK.postprocess)
    predicting = TorchEngine(_module(), EngineSettings(values, PreprocessingSpec()), None, TASK.postprocess)
    before = None
    for step in range(3):
        training.accumulate(_batch(seed=step), 1.0, step)
        training.update(0.1)
        predicting.load_weights({name: value.copy() for name, value in training.weights().items()})
        images = _batch(seed=9).images
        found = training.predict(images)
        np.testing.assert_array_equal(predicting.predict(images), found)
        assert before is None or np.abs(found - before).max() > 1e-4  # no folded copy of earlier weights
        before = found


def test_predictions_are_in_fp32_unless_a_precision_was_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precision_module, "processor_precision", lambda: ("bf16", "for a test"))
    images = _batch().images
    found = {}
    for precision in ("auto", "fp32", "bf16"):
        settings = EngineSettings(BASE.changed({"precision": precision}), PreprocessingSpec())
        found[precision] = TorchEngine(_module(), settings, None, TASK.postprocess).predict(images)
    np.testing.assert_array_equal(found["auto"], found["fp32"])
    assert (found["bf16"] != found["fp32"]).any()


def test_a_network_that_cannot_be_traced_is_folded_part_by_part() -> None:
    module, images = _Undecided().eval(), torch.from_numpy(_batch().images).permute(0, 3, 1, 2).float()
    folded = with_folded_norms(module)
    assert any(isinstance(part, nn.BatchNorm2d) for part in module.modules())
    assert not any(isinstance(part, nn.BatchNorm2d) for part in folded.modules())
    with torch.inference_mode():
        torch.testing.assert_close(folded(images - 128), module(images - 128), rtol=1e-4, atol=1e-4)
        torch.testing.assert_close(folded(images), module(images), rtol=1e-4, atol=1e-4)


def test_state_goes_out_and_in_without_a_bit_changed() -> None:
    for optimizer in ("sgd", "adam", "adamw"):
        first, second = _engine(_module(), optimizer=optimizer), _engine(_module(), optimizer=optimizer)
        for step in range(2):
            first.accumulate(_batch(seed=step), 1.0, step)
            first.update(0.1)
        second.load_state({name: value.copy() for name, value in first.state().items()})
        for engine in (first, second):
            engine.accumulate(_batch(seed=5), 1.0, 5)
            engine.update(0.1)
        for name, value in first.weights().items():
            np.testing.assert_array_equal(value, second.weights()[name], err_msg=f"{optimizer} {name}")


def test_an_engine_that_is_not_there_is_a_sentence() -> None:
    with pytest.raises(vistry.VistryError, match="unknown backend 'torhc'; did you mean 'torch'"):
        engine_module("torhc")
