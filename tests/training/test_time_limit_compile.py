"""An engine that compiles its first steps: what the time limit and the estimate of the time to go make of it.

Time is played: a clock that only the engine's work moves.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import vistry
from vistry.training import loop as loop_module
from vistry.training import session as session_module
from vistry.training.engines.torch.engine import TorchEngine
from vistry.training.events import BatchEnded, Listener

SETTINGS: dict[str, Any] = {
    "task": "multiclass",
    "model": "tiny",
    "number_of_epochs": 1000,
    "early_stopping": 0,
    "training_batch_size": 13,
    "validation_batch_size": 64,
}
BATCHES = 4  # of an epoch: 51 images
STEP, EVALUATION = 2.0, 0.5


@dataclass
class PlayedTime:
    """Seconds by the clock, and how many of them went into compiling; what each training step of the run costs."""

    now: float = 100.0
    compiled: float = 0.0
    steps: int = 0
    evaluations: int = 0
    step: float = STEP
    first_step: float = STEP
    compiling_at: dict[int, float] = field(default_factory=dict)  # seconds by the number of the step
    compiling_prediction: float = 0.0

    def monotonic(self) -> float:
        return self.now

    def compile(self, seconds: float) -> None:
        self.now += seconds
        self.compiled += seconds

    def train(self) -> None:
        self.compile(self.compiling_at.get(self.steps, 0.0))
        self.now += self.step if self.steps else self.first_step
        self.steps += 1

    def predict(self) -> None:
        if self.evaluations == 0:
            self.compile(self.compiling_prediction)
        self.now += EVALUATION
        self.evaluations += 1


@pytest.fixture
def played(monkeypatch: pytest.MonkeyPatch, runs: Path) -> PlayedTime:
    """The clock of the loop, moved by the engine."""
    clock = PlayedTime()
    for module in (loop_module, session_module):
        monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=clock.monotonic, strftime=time.strftime))
    accumulate, predict, facts = TorchEngine.accumulate, TorchEngine.predict, TorchEngine.facts

    def accumulating(self: TorchEngine, *arguments: Any) -> dict[str, float]:
        clock.train()
        return accumulate(self, *arguments)

    def predicting(self: TorchEngine, *arguments: Any) -> Any:
        clock.predict()
        return predict(self, *arguments)

    monkeypatch.setattr(TorchEngine, "accumulate", accumulating)
    monkeypatch.setattr(TorchEngine, "predict", predicting)
    monkeypatch.setattr(TorchEngine, "facts", lambda self: replace(facts(self), compile_seconds=clock.compiled))
    return clock


class Ticks(Listener):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.remaining: list[float | None] = []

    def batch_ended(self, event: BatchEnded) -> None:
        self.remaining.append(event.remaining)


def _remaining(digits: Path, epochs: int) -> list[float | None]:
    ticks = Ticks()
    vistry.train(digits, listeners=[ticks], **{**SETTINGS, "number_of_epochs": epochs})
    assert len(ticks.remaining) == epochs * BATCHES
    return ticks.remaining


def test_compiling_the_first_step_leaves_the_rest_of_the_time_to_training(digits: Path, played: PlayedTime) -> None:
    played.compiling_at, played.compiling_prediction = {0: 20.0}, 5.0
    result = vistry.train(digits, time_limit=60.0, **SETTINGS)
    assert result.outcome.reason == "the time limit was reached"
    assert 155 <= played.now <= 160
    assert played.steps >= 14


def test_the_prediction_is_compiled_within_the_time_limit(digits: Path, played: PlayedTime) -> None:
    """The first epoch would end in time, and its evaluation wouldn't."""
    played.compiling_at, played.compiling_prediction = {0: 20.0}, 8.0
    result = vistry.train(digits, time_limit=32.0, **SETTINGS)
    assert result.outcome.status == "stopped"
    assert result.run.best_weights.is_file()
    assert played.now <= 132


def test_a_first_step_as_slow_as_all_others_counts(digits: Path, played: PlayedTime) -> None:
    played.step = played.first_step = 20.0
    result = vistry.train(digits, time_limit=50.0, **SETTINGS)
    assert (result.outcome.status, played.steps) == ("stopped", 1)
    assert played.now <= 150


def test_the_time_to_go_is_that_of_usual_steps(digits: Path, played: PlayedTime) -> None:
    played.compiling_at, played.compiling_prediction = {0: 20.0, 6: 10.0}, 5.0
    remaining = _remaining(digits, epochs=3)
    steps = [(3 * BATCHES - done) * STEP for done in range(1, 3 * BATCHES + 1)]
    evaluations = [0.0] * BATCHES + [2 * EVALUATION] * BATCHES + [EVALUATION] * BATCHES  # none is known at first
    assert remaining[0] is None  # one step says too little
    assert remaining[1:] == pytest.approx([sum(pair) for pair in zip(steps, evaluations, strict=True)][1:])


def test_a_slow_first_step_is_soon_forgotten(digits: Path, played: PlayedTime) -> None:
    """As where memory is taken or a library chooses its algorithms: no engine counts that as compiling."""
    played.first_step = 50.0
    first, second, third, *_ = _remaining(digits, epochs=1)
    assert first is None
    assert second == pytest.approx(2 * 2 * STEP)
    assert STEP <= (third or 0) < 2 * STEP
