"""What a training announces, and in which order."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import pytest
import vistry
from vistry.errors import TrainingError
from vistry.runs.folder import find_run
from vistry.training.events import Announcer, Listener
from vistry.training.pace import Pace

SETTINGS: dict[str, Any] = {
    "task": "multiclass",
    "model": "tiny",
    "number_of_epochs": 2,
    "warmup_cosine_lr_warmup_epochs": 1,
    "training_batch_size": 20,
    "gradient_accumulation_step": 2,
    "evaluation_frequency": 2,
    "precision": "fp32",
}
EVENTS = [name for name, _ in inspect.getmembers(Listener, inspect.isfunction) if not name.startswith("_")]


class Recorder(Listener):
    """Records each event with its arguments."""

    def __init__(self) -> None:
        self.events: list[tuple[str, tuple[Any, ...]]] = []
        for name in EVENTS:
            setattr(self, name, lambda *arguments, name=name: self.events.append((name, arguments)))

    def names(self) -> list[str]:
        return [name for name, _ in self.events if name != "note"]

    def of(self, name: str) -> list[Any]:
        """The first argument of each event of a name."""
        return [arguments[0] for event, arguments in self.events if event == name]


def test_the_order_of_events(digits: Path, runs: Path) -> None:
    """51 images in batches of 20 are three an epoch, in two updates; the first and the last epoch are evaluated."""
    recorder = Recorder()
    result = vistry.train(digits, listeners=[recorder], **SETTINGS)
    batch = ["loss_computed", "batch_ended"]
    updates = ["update_begins", *batch, *batch, "update_ended", "update_begins", *batch, "update_ended"]
    saving = ["saving_begins", "saved"]
    best = 2 * saving  # weights and predictions
    names = recorder.names()
    first = ["training_begins", *updates, "evaluation_begins", *best, "evaluated", "epoch_ended"]
    assert names[: len(first)] == first
    assert names[-4:] == ["epoch_ended", *saving, "training_ended"]
    assert names.count("evaluated") == names.count("epoch_ended") == 2
    assert [event.step for event in recorder.of("loss_computed")] == [0, 1, 2, 3, 4, 5]
    assert [(event.epoch, event.batch, event.batches) for event in recorder.of("batch_ended")] == [
        (epoch, number, 3) for epoch in (1, 2) for number in (1, 2, 3)
    ]
    assert [event.entry for event in recorder.of("epoch_ended")] == result.run.history()
    assert recorder.of("training_ended") == [result.outcome]
    assert recorder.of("saved")[:2] == [result.run.best_weights, result.run.folder / "predictions.safetensors"]
    assert recorder.of("saved")[-1] == result.run.last_state
    assert all(event.loss == sum(event.terms.values()) for event in recorder.of("loss_computed"))


def test_an_error_of_a_listener_ends_the_training_and_is_told_to_all(digits: Path, runs: Path) -> None:
    class Failing(Listener):
        def evaluated(self, *arguments: object) -> None:
            raise TrainingError("the tracker is gone")

    recorder = Recorder()
    with pytest.raises(TrainingError, match="the tracker is gone"):
        vistry.train(digits, listeners=[recorder, Failing()], **SETTINGS)
    assert recorder.of("training_ended") == [None]
    run = find_run("last")
    assert (run.status.status, run.status.reason) == ("failed", "the tracker is gone")
    assert run.best_weights.is_file()


def test_each_event_reaches_each_listener_with_its_arguments() -> None:
    """An event that the announcer forgets to pass on would reach nobody, and no type checker would see it."""
    first, second = Recorder(), Recorder()
    announcer = Announcer([first, second])
    for name in EVENTS:
        count = len(inspect.signature(getattr(Listener, name)).parameters) - 1
        getattr(announcer, name)(*range(count))
    assert first.events == second.events
    assert [name for name, _ in first.events] == EVENTS
    assert all(arguments == tuple(range(len(arguments))) for _, arguments in first.events)
    assert [len(arguments) for _, arguments in first.events] == [
        len(inspect.signature(getattr(Listener, name)).parameters) - 1 for name in EVENTS
    ]


def test_the_pace_forgets_a_slow_first_batch_and_counts_evaluations() -> None:
    pace = Pace()
    assert pace.remaining(batches=10, evaluations=2) == 0.0
    pace.count_batch(50.0)
    assert pace.batch == 50.0
    pace.count_batch(2.0)
    assert pace.batch == 4.0  # at most twice the latest
    pace.count_batch(2.0)
    assert pace.batch == pytest.approx(0.9 * 4 + 0.1 * 2)
    pace.evaluation = 3.0
    assert pace.remaining(batches=10, evaluations=2) == pytest.approx(10 * 3.8 + 2 * 3)


def test_the_reserve_of_the_time_limit_guesses_the_first_evaluation() -> None:
    pace = Pace(batch=2.0, saving=1.0)
    assert pace.reserve(first_evaluation=10.0) == pytest.approx(1.2 * 10 + 2 * 2 + 1)
    pace.evaluation = 5.0
    assert pace.reserve(first_evaluation=10.0) == pytest.approx(1.2 * 5 + 2 * 2 + 1)
