"""A sweep's folder is read as it was written, whole or after a kill."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from vistry.errors import RunError
from vistry.runs.records import DataRecord, EpochEntry
from vistry.sweep.distribution import Distribution
from vistry.sweep.folder import SweepFolder, find_sweep, new_sweep_folder
from vistry.sweep.records import RequestRecord, SweepRecord
from vistry.sweep.request import Limits, SamplerRequest, TerminationRequest
from vistry.sweep.space import Group, Space
from vistry.sweep.trial import Evaluation, TrialRecord, TrialState

RECORD = SweepRecord(
    id="a",
    task="image_classification",
    models=("tiny/tiny",),
    space=Space(
        groups=(
            Group(
                models=("tiny/tiny",),
                parameters={
                    "optimizer": Distribution(kind="choice", choices=("sgd", None, 1, True, 0.5)),
                    "learning_rate": Distribution(kind="loguniform", low=0.001, high=0.1),
                },
            ),
        )
    ),
    sampler=SamplerRequest(name="random", seed=3),
    termination=TerminationRequest(name="bandit", slack_factor=0.2),
    limits=Limits(max_trials=4, time_limit=60.0),
    seed=3,
    primary_metric="accuracy",
    larger_is_better=True,
    classes=("a", "b"),
    request=RequestRecord(data="/data"),
    data=DataRecord(source="/data", training_images=8, validation_images=4, training_class_counts=(4, 4)),
    threads=1,
    created="2026-01-01T00:00:00+0000",
)
Fill = Callable[[int, list[float | None]], None]


@pytest.fixture
def sweep(tmp_path: Path) -> SweepFolder:
    folder = new_sweep_folder("image_classification", tmp_path / "runs" / "a")
    folder.write(RECORD)
    return folder


@pytest.fixture
def fill(sweep: SweepFolder) -> Fill:
    """Write a trial with a score an epoch; None where the epoch was not evaluated."""

    def write(number: int, scores: list[float | None]) -> None:
        record = TrialRecord(
            number=number, group=0, model="tiny/tiny", values={"optimizer": None}, why="random", epochs=5, threads=1
        )
        sweep.write_trial(record)
        sweep.write_state(number, TrialState(status="running", until=2))
        sweep.run_of(number).write_history(
            EpochEntry(
                epoch=epoch,
                train_loss=1.0,
                learning_rate=0.1,
                train_seconds=2.0,
                metrics=None if score is None else {"accuracy": score},
                evaluation_seconds=None if score is None else 0.5,
            )
            for epoch, score in enumerate(scores)
        )

    return write


def test_the_record_comes_back_as_it_was_with_every_type(sweep: SweepFolder) -> None:
    choices = SweepFolder(sweep.path).record.space.groups[0].parameters["optimizer"].choices
    assert SweepFolder(sweep.path).record == RECORD
    assert [type(choice) for choice in choices] == [str, type(None), int, bool, float]


def test_trials_have_their_evaluations_and_seconds(sweep: SweepFolder, fill: Fill) -> None:
    fill(1, [0.5, None, 0.7])
    trial = sweep.trials()[0]
    assert trial.evaluations == (Evaluation(epochs=1, score=0.5), Evaluation(epochs=3, score=0.7))
    assert trial.seconds == 7.0
    assert trial.state.until == 2


def test_the_best_is_the_earlier_of_two_and_a_falling_metric_counts_the_other_way(
    sweep: SweepFolder, fill: Fill
) -> None:
    assert sweep.best() is None
    for number, scores in ((1, [0.5]), (2, [0.7, 0.6]), (3, [0.7]), (4, [])):
        fill(number, list(scores))
    assert [entry.trial for entry in sweep.leaderboard(sweep.trials())] == [2, 3, 1, 4]
    sweep.write(replace(RECORD, larger_is_better=False))
    falling = SweepFolder(sweep.path)
    first = next(falling.leaderboard(falling.trials()))
    assert (first.trial, first.score) == (1, 0.5)


def test_a_metrics_file_that_changed_is_read_again(sweep: SweepFolder, fill: Fill) -> None:
    fill(1, [0.5])
    assert sweep.trial(1).best() == 0.5
    fill(1, [0.5, 0.9])
    assert sweep.trial(1).best() == 0.9


def test_events_survive_a_line_that_a_killed_process_left_half_written(sweep: SweepFolder, fill: Fill) -> None:
    fill(7, [0.25])
    sweep.add_event("paused", sweep.trial(7), reason="rung 1")
    with (sweep.path / "events.jsonl").open("a") as file:
        file.write('{"time": 1.0, "wor')
    sweep.add_event("closed")
    events = sweep.events()
    assert [(event.kind, event.trial, event.epoch, event.score) for event in events] == [
        ("paused", 7, 1, 0.25),
        ("closed", None, None, None),
    ]


def test_a_folder_that_was_never_claimed_whole_is_no_trial(sweep: SweepFolder, fill: Fill) -> None:
    fill(1, [])
    (sweep.path / "trials" / "0002").mkdir()
    assert sweep.numbers == [1]


def test_a_sweep_is_found_by_folder_by_name_and_as_the_last(
    sweep: SweepFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VISTRY_RUNS", str(tmp_path / "runs"))
    for name in (sweep.path, "a", "last"):
        assert find_sweep(name).path == sweep.path
    with pytest.raises(RunError, match=r"there is no sweep 'b'; known: a"):
        find_sweep("b")


def test_a_damaged_or_later_file_is_named(sweep: SweepFolder, fill: Fill) -> None:
    fill(1, [0.5])
    (sweep.path / "trials" / "0001" / "metrics.jsonl").write_text("{}\n")
    with pytest.raises(RunError, match=r"0001/metrics.jsonl can't be read"):
        SweepFolder(sweep.path).trials()
    (sweep.path / "sweep.json").write_text(json.dumps({"schema": 2}))
    with pytest.raises(RunError, match=r"written by a later Vistry \(schema 2"):
        _ = SweepFolder(sweep.path).record
    with pytest.raises(RunError, match="exists already; name another folder, or type: vistry resume"):
        new_sweep_folder("image_classification", sweep.path)
