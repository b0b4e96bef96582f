"""Sweeps of the tiny network on the digits, and who trains their trials in this process."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from vistry.hyperparameter.schema import Source
from vistry.sweep import session
from vistry.sweep.distribution import Distribution
from vistry.sweep.folder import SweepFolder
from vistry.sweep.request import GroupRequest, Limits, SamplerRequest, SweepRequest, TerminationRequest
from vistry.sweep.trial_training import TrialTask, train_trial
from vistry.training.plan import Request

FIXED: dict[str, Any] = {
    "number_of_epochs": 4,
    "warmup_cosine_lr_warmup_epochs": 1,
    "precision": "fp32",
    "number_of_workers": 1,
}
DRAWN = {
    "learning_rate": Distribution(kind="loguniform", low=0.005, high=0.1),
    "optimizer": Distribution(kind="choice", choices=("sgd", "adamw")),
}
MakeRequest = Callable[..., SweepRequest]


class InThisProcess:
    """A runner that trains each trial at once, in the caller's process; `before` is called with each task."""

    def __init__(self, before: Callable[[TrialTask], None] = lambda task: None):
        self.tasks: list[TrialTask] = []
        self._before = before

    def submit(self, task: TrialTask) -> int:
        self.tasks.append(task)
        self._before(task)
        train_trial(task)
        return len(self.tasks)

    def poll(self, handle: int) -> int:
        return 0

    def kill(self, handle: int, *, gently: bool) -> None:
        raise AssertionError


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tiny_plugin: None) -> Path:
    """An empty folder that runs and sweeps are kept in, no policy of this checkout, and cores of the test's own."""
    monkeypatch.setenv("VISTRY_RUNS", str(tmp_path / "runs"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    (tmp_path / "runtime").mkdir(mode=0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "runtime"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "runs"


@pytest.fixture
def request_of(digits: Path) -> MakeRequest:
    """A sweep of the tiny network on the digits, by random draws and halving."""

    def make(max_trials: int | None = 4, stopping: str = "halving", **options: Any) -> SweepRequest:
        fixed = {**FIXED, **options.pop("fixed", {})}
        drawn = options.pop("drawn", DRAWN)
        asked = SweepRequest(
            training=Request(data=digits, task="multiclass"),
            groups=(GroupRequest(models=options.pop("models", ("tiny",)), parameters=drawn),),
            fixed=(Source.of(fixed, "a test"),),
            sampler=SamplerRequest(name=options.pop("sampler", "random"), seed=options.pop("seed", 3)),
            termination=TerminationRequest(name=stopping),
            limits=Limits(max_trials=max_trials, time_limit=options.pop("time_limit", None)),
        )
        return replace(asked, **options)

    return make


@pytest.fixture
def begun(request_of: MakeRequest, folders: Path) -> Callable[..., SweepFolder]:
    """Plan a sweep and make its folder."""

    def begin(**options: Any) -> SweepFolder:
        return session.begin(session.plan_sweep(request_of(**options), threads=1))

    return begin
