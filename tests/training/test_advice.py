"""What a training that takes long is told, and what the dry run measures. Time is played."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from vistry.registry.catalogue import Catalogue
from vistry.training.advice import SlowEpochs, advice
from vistry.training.engines.torch.engine import TorchEngine
from vistry.training.estimate import estimate
from vistry.training.events import BatchEnded, Listener
from vistry.training.model_context import ModelContext
from vistry.training.plan import Plan, Request, make_plan


def context(model: str, task: str = "image_classification") -> ModelContext:
    catalogue = Catalogue.read()
    return ModelContext.of(catalogue, catalogue.model(model), task=task, backend="torch")


class Notes(Listener):
    def __init__(self) -> None:
        self.said: list[str] = []

    def note(self, text: str) -> None:
        self.said.append(text)


def batch(epoch_seconds: float | None) -> BatchEnded:
    return BatchEnded(
        epoch=1,
        epochs=3,
        batch=1,
        batches=40,
        loss=1.0,
        learning_rate=0.1,
        remaining=None,
        epoch_seconds=epoch_seconds,
    )


def test_half_an_hour_is_no_reason() -> None:
    assert advice(context("resnet50"), 1800.0) == ""


@pytest.mark.usefixtures("no_policy")
def test_it_names_a_smaller_model_and_the_sizes_that_the_model_takes() -> None:
    found = advice(context("resnet50"), 7500.0)
    assert found.startswith("an epoch takes about 2h05m; ")
    assert "--training_crop_size 96" in found
    assert "--validation_crop_size 96" in found
    assert "--time-limit" in found
    name = found.partition("(--model ")[2].partition(")")[0]
    card = Catalogue.read().model(name)
    assert card.parameters < Catalogue.read().model("resnet50").parameters
    assert "image_classification" in card.tasks


@pytest.mark.usefixtures("no_policy")
def test_it_names_no_size_that_the_model_refuses() -> None:
    assert "size" not in advice(context("seresnext"), 7500.0)
    assert "--min_size 288" in advice(context("fasterrcnn_resnet50_fpn", "image_object_detection"), 7500.0)
    assert "--image_size 320" in advice(context("yolov5", "image_object_detection"), 7500.0)


@pytest.mark.usefixtures("no_policy")
def test_it_is_given_once_at_the_tenth_batch() -> None:
    notes = Notes()
    slow = SlowEpochs(context("resnet50"), notes, clock=lambda: 0.0)
    slow.batch_ended(batch(None))
    for number in range(2, 30):
        slow.batch_ended(batch(4000.0))
        assert len(notes.said) == (number >= 10)


@pytest.mark.usefixtures("no_policy")
def test_ten_batches_are_not_waited_for_where_they_take_minutes() -> None:
    notes, now = Notes(), [0.0]
    slow = SlowEpochs(context("resnet50"), notes, clock=lambda: now[0])
    for _ in range(2):
        now[0] += 200
        slow.batch_ended(batch(4000.0))
    assert len(notes.said) == 1


@pytest.mark.usefixtures("no_policy")
def test_fast_epochs_are_told_nothing() -> None:
    notes = Notes()
    slow = SlowEpochs(context("resnet50"), notes, clock=lambda: 0.0)
    for _ in range(20):
        slow.batch_ended(batch(100.0))
    assert notes.said == []


@pytest.fixture
def plan(digits: Path, tiny_plugin: None) -> Plan:
    return make_plan(Request(data=digits, task="multiclass", model="tiny"), [])


def played(monkeypatch: pytest.MonkeyPatch, steps: list[float]) -> tuple[Any, list[float]]:
    """A clock that only the engine's work moves: steps of these seconds, and half a second for a prediction."""
    now, done = [0.0], []
    accumulate, predict = TorchEngine.accumulate, TorchEngine.predict

    def accumulating(self: TorchEngine, *arguments: Any) -> Any:
        now[0] += steps[len(done)]
        done.append(steps[len(done)])
        return accumulate(self, *arguments)

    def predicting(self: TorchEngine, *arguments: Any) -> Any:
        now[0] += 0.5
        return predict(self, *arguments)

    monkeypatch.setattr(TorchEngine, "accumulate", accumulating)
    monkeypatch.setattr(TorchEngine, "predict", predicting)
    return lambda: now[0], done


@pytest.mark.parametrize(
    ("steps", "measured"),
    [
        ([90.0, 2.0, 4.0, 3.0, 1.0], [2.0, 4.0, 3.0]),  # the first warms up, three are measured
        ([90.0, 20.0, 12.0, 1.0], [20.0, 12.0]),  # no more than 30 seconds allow
        ([90.0, 400.0, 1.0], [400.0]),  # one at least
    ],
)
def test_the_dry_run_warms_up_measures_three_steps_and_gives_a_range(
    plan: Plan, monkeypatch: pytest.MonkeyPatch, steps: list[float], measured: list[float]
) -> None:
    clock, done = played(monkeypatch, steps)
    found = estimate(plan, clock)
    assert done == steps[: 1 + len(measured)]
    assert (found.steps, found.step_seconds, found.slowest_step_seconds) == (
        len(measured),
        min(measured),
        max(measured),
    )
    epochs = plan.hyperparameters.number_of_epochs
    images = min(plan.hyperparameters.validation_batch_size, len(plan.validation))
    evaluation = 0.5 / images * len(plan.validation)
    assert found.total_seconds == pytest.approx(epochs * (plan.batches_per_epoch * min(measured) + evaluation))
    assert found.slowest_total_seconds == pytest.approx(epochs * (plan.batches_per_epoch * max(measured) + evaluation))
