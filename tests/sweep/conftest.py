"""What tests of sweeps share: made-up trials and data sets, and sweeps of the tiny network on the digits."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from vistry.hyperparameter.schema import Source
from vistry.sweep import session
from vistry.sweep.distribution import Distribution
from vistry.sweep.folder import SweepFolder
from vistry.sweep.request import GroupRequest, Limits, SamplerRequest, SweepRequest, TerminationRequest
from vistry.sweep.trial import Evaluation, Trial, TrialRecord, TrialState
from vistry.training.plan import Request

SURFACE = Path(__file__).parents[2] / "benchmarks" / "sweep_surface.py"
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


@pytest.fixture(autouse=True)
def _no_policy(no_policy: None) -> None:
    """Every test begins with nobody's policy."""


@pytest.fixture(scope="session")
def surface() -> ModuleType:
    """The made-up data sets of the benchmark, and its sweep on them."""
    spec = importlib.util.spec_from_file_location("sweep_surface", SURFACE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["sweep_surface"] = module  # dataclasses look for their module there
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def trial() -> Callable[..., Trial]:
    """A trial with these scores, after every epoch or after those named."""

    def make(
        number: int,
        scores: Sequence[float] = (),
        *,
        at: Sequence[int] = (),
        status: str = "running",
        epochs: int = 27,
        until: int | None = None,
        model: str = "family/model",
        why: str = "random",
        **values: Any,
    ) -> Trial:
        after = at or range(1, len(scores) + 1)
        return Trial(
            record=TrialRecord(number=number, group=0, model=model, values=values, why=why, epochs=epochs, threads=1),
            state=TrialState(status=status, until=until),
            evaluations=tuple(
                Evaluation(epochs=epoch, score=score) for epoch, score in zip(after, scores, strict=True)
            ),
        )

    return make


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tiny_plugin: None) -> Path:
    """An empty folder that runs and sweeps are kept in, no policy of this checkout, and cores of the test's own."""
    monkeypatch.setenv("VISTRY_RUNS", str(tmp_path / "runs"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    (tmp_path / "runtime").mkdir(mode=0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "runtime"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "runs"


@pytest.fixture(scope="session")
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
