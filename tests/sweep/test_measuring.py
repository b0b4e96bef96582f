"""The best trial is measured on the test images at the end, once, and within the time limit."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import vistry
from vistry.sweep import measuring, test_split, worker
from vistry.sweep.folder import SweepFolder
from vistry.sweep.measuring import measured_last
from vistry.sweep.request import TestData
from vistry.sweep.session import work_on
from vistry.sweep.test_split import SETTING_UP, read_evaluation, read_test, seconds_to_measure
from vistry.sweep.trial import Trial
from vistry.sweep.trial_training import TrialTask
from vistry.training.plan import Request

from tests.sweep.runners import InThisProcess, Pretending

Begin = Callable[..., SweepFolder]
ONE_EPOCH = {"number_of_epochs": 1}


@pytest.fixture(scope="module")
def divided(digits: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The digits with every fourth image in test/: 48 to train and validate, 16 to test."""
    root = tmp_path_factory.mktemp("divided")
    for path in sorted(digits.glob("*/*.png")):
        split = "test" if int(path.stem) % 4 == 0 else "train"
        target = root / split / path.parent.name / path.name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)
    return root


def rising(trial: Trial, epochs: int) -> float:
    return trial.number / 10 + epochs / 1000


def test_the_best_is_measured_once_on_images_that_chose_nothing(begun: Begin, divided: Path) -> None:
    sweep = begun(training=Request(data=divided, task="multiclass"), max_trials=1, fixed=ONE_EPOCH)
    result = work_on(sweep, runner=InThisProcess())
    test, whole = read_test(sweep), read_evaluation(sweep)
    assert test is not None
    assert whole is not None
    assert (test.trial, test.images, test.looks) == (1, 16, 1)
    measured = vistry.evaluate(result.run.folder, divided, split="test")
    assert test.metrics == whole.metrics == measured.metrics
    assert whole.doubt == measured.doubt
    runner = InThisProcess()
    work_on(sweep, runner=runner)
    assert runner.tasks == []  # neither a trial nor another look


def test_data_of_its_own_to_test_on_goes_over_the_split(begun: Begin, divided: Path, digits: Path) -> None:
    own = TestData(data=str(digits), images=64)
    sweep = begun(training=Request(data=divided, task="multiclass"), max_trials=1, fixed=ONE_EPOCH, test=own)
    work_on(sweep, runner=InThisProcess())
    test = read_test(sweep)
    assert test is not None
    # Those of the 64 that it was trained on, 39 of the 48, are left out.
    assert test.data == str(digits)
    assert 16 <= test.images < 64


def test_images_that_have_gone_cost_the_figure_and_not_the_sweep(begun: Begin, divided: Path, tmp_path: Path) -> None:
    own = TestData(data=str(tmp_path / "gone"), images=5)
    sweep = begun(training=Request(data=divided, task="multiclass"), max_trials=1, fixed=ONE_EPOCH, test=own)
    assert work_on(sweep, runner=InThisProcess()).best is not None
    assert read_test(sweep) is None
    assert any("could not be measured on the test images" in event.reason for event in sweep.events())


def test_trials_leave_the_time_that_measuring_takes(begun: Begin, divided: Path) -> None:
    """Ten validation images took 2 s at most, so sixteen test images are given 3.2 s and what comes before."""
    sweep = begun(training=Request(data=divided, task="multiclass"), max_trials=3, time_limit=600.0, stopping="none")
    images = sweep.record.data.validation_images
    runner = Pretending(rising, evaluation_seconds=2.0)
    work_on(sweep, began=(began := 1e12), runner=runner)  # far ahead, so that nothing is ever late
    trained = [task for task in runner.tasks if not task.measures]
    left = [began + 600.0 - (task.deadline or 0.0) for task in trained]
    assert left[0] == pytest.approx(worker.RESERVE + SETTING_UP, abs=0.01)
    assert left[1] == left[2] == pytest.approx(worker.RESERVE + SETTING_UP + 2.0 * 16 / images, abs=0.01)
    assert [task.number for task in runner.tasks if task.measures] == [3]


def test_no_more_than_a_quarter_of_the_time_is_left_for_it(begun: Begin, divided: Path) -> None:
    sweep = begun(training=Request(data=divided, task="multiclass"), max_trials=2, time_limit=40.0, stopping="none")
    runner = Pretending(rising, evaluation_seconds=30.0)
    work_on(sweep, began=(began := 1e12), runner=runner)
    assert seconds_to_measure(sweep, sweep.trials()) > 40
    second = [task for task in runner.tasks if not task.measures][1:]
    assert [began + 40 - (task.deadline or 0.0) for task in second] in ([], [pytest.approx(worker.RESERVE + 10)])


def test_without_test_images_nothing_is_left_for_them(begun: Begin) -> None:
    sweep = begun(max_trials=1, time_limit=600.0, stopping="none")
    runner = Pretending(rising)
    work_on(sweep, began=(began := 1e12), runner=runner)
    assert [task.measures for task in runner.tasks] == [False]
    assert began + 600.0 - (runner.tasks[0].deadline or 0.0) == pytest.approx(worker.RESERVE, abs=0.01)


class Clock:
    """A time that passes while somebody sleeps."""

    def __init__(self) -> None:
        self.now = 1000.0

    def time(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


class Endless:
    """A runner whose process ends when it is killed, or by itself after so many seconds."""

    def __init__(self, clock: Clock, seconds: float = 1e9, status: int = 0):
        self.killed_at: float | None = None
        self._clock, self._ends, self._status = clock, clock.now + seconds, status

    def submit(self, task: TrialTask) -> int:
        return 1

    def poll(self, handle: int) -> int | None:
        if self.killed_at is not None:
            return -9
        return self._status if self._clock.now >= self._ends else None

    def kill(self, handle: int, *, gently: bool) -> None:
        self.killed_at = self._clock.now


@pytest.fixture
def searched(begun: Begin, divided: Path) -> SweepFolder:
    """A sweep whose trials took 3 s to be evaluated, and of which nothing was measured."""
    sweep = begun(training=Request(data=divided, task="multiclass"), max_trials=1)
    work_on(sweep, runner=Pretending(rising, evaluation_seconds=3.0))
    return sweep


def test_what_is_late_by_more_than_an_evaluation_is_ended_and_said(
    searched: SweepFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(measuring, "time", clock := Clock())
    runner = Endless(clock)
    task = TrialTask(folder=searched.path, number=0, threads=1, deadline=clock.now + 10)
    sentence = measured_last(searched, runner, task)
    assert runner.killed_at == pytest.approx(1000 + 10 + 3, abs=0.1)
    assert "trial 1 is not measured on the test images, since the time is up; to measure it, type: vistry" in sentence
    assert sentence.endswith("--split test")
    assert any("not measured on the test images" in event.reason for event in searched.events())


def test_nothing_is_begun_when_the_time_is_up(searched: SweepFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measuring, "time", clock := Clock())
    task = TrialTask(folder=searched.path, number=0, threads=1, deadline=clock.now - 1)
    assert "since the time is up" in measured_last(searched, InThisProcess(), task)
    assert read_test(searched) is None


def test_a_process_that_dies_is_said(searched: SweepFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measuring, "time", clock := Clock())
    task = TrialTask(folder=searched.path, number=0, threads=1)
    assert "its process ended with status 3" in measured_last(searched, Endless(clock, seconds=2, status=3), task)


def test_there_is_nothing_to_measure_without_a_model(begun: Begin, divided: Path) -> None:
    sweep = begun(training=Request(data=divided, task="multiclass"), max_trials=1)
    assert test_split.trial_to_measure(sweep) is None
