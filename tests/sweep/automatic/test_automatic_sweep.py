"""A sweep for which nobody said what to search, from the command to the report."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from vistry.errors import HyperparameterError
from vistry.hyperparameter.schema import Source
from vistry.registry.catalogue import Catalogue
from vistry.runs.json_records import to_json
from vistry.sweep.automatic.decide import is_automatic
from vistry.sweep.automatic.measuring import Answerer, Measured
from vistry.sweep.automatic.records import AutomaticRecord
from vistry.sweep.folder import SweepFolder
from vistry.sweep.records import RequestRecord
from vistry.sweep.request import GroupRequest, Limits, SamplerRequest, SweepRequest
from vistry.sweep.session import begin, plan_sweep, work_on
from vistry.sweep.space import Values
from vistry.sweep.trial import Trial
from vistry.sweep.worker import Worker, with_limits
from vistry.training.cores import Cores
from vistry.training.plan import Request, Splits

from tests.sweep.runners import InThisProcess, Pretending

FIXED = {"precision": "fp32", "number_of_workers": 1, "weights": "none"}


@pytest.fixture
def only_tiny(folders: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No model is installed but the tiny one."""
    others = {plugin.name for plugin in Catalogue.read().plugins} - {"tiny"}
    monkeypatch.setenv("VISTRY_DISABLE", ",".join(sorted(others)))
    monkeypatch.setenv("VISTRY_OFFLINE", "1")


def asked(digits: Path, **fixed: object) -> SweepRequest:
    return SweepRequest(
        training=Request(data=digits, task="multiclass"),
        fixed=(Source.of({**FIXED, **fixed}, "a test"),),
        limits=Limits(max_trials=2),
    )


def test_it_is_automatic_where_neither_a_model_nor_a_range_is_named(digits: Path) -> None:
    request = SweepRequest(training=Request(data=digits))
    assert is_automatic(request)
    assert is_automatic(SweepRequest(training=Request(data=digits), groups=(GroupRequest(),)))
    assert not is_automatic(SweepRequest(training=Request(data=digits, model="tiny")))
    assert not is_automatic(SweepRequest(training=Request(data=digits), groups=(GroupRequest(models=("tiny",)),)))
    assert not is_automatic(SweepRequest(training=Request(data=digits), sampler=SamplerRequest(name="grid")))
    named = (Source.of({"model_name": "tiny"}, "a file"),)
    assert not is_automatic(SweepRequest(training=Request(data=digits), fixed=named))


class MeasuredHere:
    """Answers in this process what the process that measures would."""

    def __init__(self, backend: str):
        self.backend = backend

    def __enter__(self) -> MeasuredHere:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def use(self, request: Request, splits: Splits, *, primary_metric: str, cores: Cores) -> None:
        """Say on which data."""
        setting = {
            "request": to_json(RequestRecord.of(request)),
            "task": request.task,
            "primary_metric": primary_metric,
        }
        self._answerer = Answerer(setting)
        self._answerer.__dict__["_splits"] = splits

    def wait(self) -> None:
        """It is loaded."""

    def measure(self, model: str, values: Values, seconds: float) -> Measured:
        """As the process does."""
        answer = self._answerer.answer({"measure": {"model": model, "values": values}})
        assert isinstance(answer, Measured)
        return answer


def test_a_sweep_decides_by_itself_says_why_and_goes_on(
    digits: Path, only_tiny: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vistry.sweep.automatic.decide.MeasureProcess", MeasuredHere)
    monkeypatch.setattr("vistry.sweep.automatic.survey.LONGEST", 3600.0)  # a busy machine looks at both all the same
    lines: list[str] = []
    plan = plan_sweep(asked(digits, number_of_epochs=2), threads=1, say=lines.append)
    result = work_on(begin(plan), runner=InThisProcess(), say=lines.append)
    record = result.sweep.record
    assert result.best is not None
    assert record.automatic is not None
    candidate = next(one for one in record.automatic.candidates if one.model == "tiny/tiny")
    assert (candidate.weights, candidate.is_searched) == ("none", True)
    assert candidate.step_seconds is not None
    assert lines[: len(record.automatic.decisions)] == list(record.automatic.decisions)
    assert any(line.startswith("recipe of tiny: batch 16") and "as you set them" in line for line in lines)
    notes = [event.reason for event in result.sweep.events() if event.kind == "note"]
    assert notes[: len(record.automatic.decisions)] == list(record.automatic.decisions)
    first, second = result.sweep.trials()
    # The plugin has a twin, and which of two equals is the faster one is chance.
    assert {first.record.model, second.record.model} <= set(record.models)
    assert first.record.why == f"default of {first.record.model.rpartition('/')[2]}"
    assert (first.record.epochs, first.record.values["training_batch_size"]) == (2, 16)
    page = (result.sweep.path / "report.html").read_text()
    assert "How the models were chosen" in page
    assert " alone, by its recipe" in page
    folder = with_limits(result.sweep, max_trials=3, time_limit=None)
    assert len(work_on(folder, runner=InThisProcess()).sweep.trials()) == 3
    assert json.loads((result.sweep.path / "sweep.json").read_text())["automatic"]["search_share"] == 0.75


def test_a_value_that_no_model_takes_is_told_before_any_work(digits: Path, only_tiny: None) -> None:
    with pytest.raises(HyperparameterError) as caught:
        plan_sweep(asked(digits, number_of_epochs=-1, learning_rte=0.1), threads=1)
    message = str(caught.value)
    assert "number_of_epochs" in message
    assert "learning_rte" in message


def test_in_the_last_quarter_nothing_new_is_begun(
    begun: Callable[..., SweepFolder], trial: Callable[..., Trial]
) -> None:
    folder = begun(max_trials=None, time_limit=1000.0)
    folder.write(replace(folder.record, automatic=AutomaticRecord(candidates=(), decisions=())))
    for seconds_left, is_over in ((260.0, False), (240.0, True)):
        worker = Worker(sweep=folder.reread(), runner=Pretending(lambda *_: 0.5), deadline=time.time() + seconds_left)
        job = worker._next([trial(1, [0.5], status="completed", epochs=1)], [])
        assert (job is None) is is_over
