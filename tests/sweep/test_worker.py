"""A worker claims, promotes, drops and frees by what is on disk, and keeps its limits. Nothing is trained here."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from vistry.errors import HyperparameterError, RunError, TrainingError, VistryError
from vistry.sweep import constraints, worker
from vistry.sweep.claims import Claim, is_held, locked
from vistry.sweep.constraints import Footprint
from vistry.sweep.folder import SweepFolder
from vistry.sweep.request import Constraints, Limits
from vistry.sweep.session import plan_sweep, resume_sweep, work_on
from vistry.sweep.space import Suggestion
from vistry.sweep.trial import Trial

from tests.sweep.conftest import MakeRequest
from tests.sweep.runners import Pretending

Begin = Callable[..., SweepFolder]


def rising(trial: Trial, epochs: int) -> float:
    """A score that grows with the trial's number, and a little with each epoch."""
    return trial.number / 10 + epochs / 1000


def failing(trial: Trial, epochs: int) -> float:
    raise TrainingError("the loss is not a number")


def _kinds(sweep: SweepFolder) -> list[str]:
    return [event.kind for event in sweep.events()]


def test_trials_are_claimed_in_turn_paused_and_promoted(begun: Begin) -> None:
    sweep = begun(max_trials=6)
    lines: list[str] = []
    result = work_on(sweep, runner=Pretending(rising), say=lines.append)
    assert [trial.number for trial in sweep.trials()] == [1, 2, 3, 4, 5, 6]
    assert result.best is not None
    assert result.best.number == 6
    assert result.reason == "all 6 trials are done"
    statuses = [trial.state.status for trial in sweep.trials()]
    assert statuses.count("completed") >= 1
    assert "promoted" in _kinds(sweep)
    assert all("of 6  tiny  learning_rate" in line and "best: trial" in line for line in lines if "trial" in line[:6])


def test_only_the_best_three_keep_weights_and_paused_ones_their_state(begun: Begin) -> None:
    sweep = begun(max_trials=6)
    work_on(sweep, runner=Pretending(rising))
    kept = {
        trial.number: sorted(path.stem for path in (sweep.trial_folder(trial.number) / "checkpoints").iterdir())
        for trial in sweep.trials()
    }
    for trial in sweep.trials():
        names = ["best"] if trial.number > 3 else []
        assert kept[trial.number] == names + (["last"] if trial.state.status == "paused" else [])
    deleted = [event for event in sweep.events() if event.kind == "deleted"]
    assert {event.trial for event in deleted} >= {1, 2, 3}
    assert all("safetensors" in event.reason for event in deleted)


def test_a_trial_that_fails_costs_one_line_and_three_of_a_model_drop_it(begun: Begin) -> None:
    sweep = begun(max_trials=8)
    lines: list[str] = []
    result = work_on(sweep, runner=Pretending(failing), say=lines.append)
    assert result.best is None
    assert [trial.state.status for trial in sweep.trials()] == ["failed"] * 3
    assert lines[-1] == "tiny/tiny is tried no more: three of its trials have failed in a row"
    assert sum("failed: the loss is not a number" in line for line in lines) == 3
    assert _kinds(sweep).count("dropped") == 1
    with pytest.raises(RunError, match="has a model"):
        _ = result.run


def test_a_model_that_fails_leaves_the_trials_to_the_other(begun: Begin) -> None:
    def score(trial: Trial, epochs: int) -> float:
        return failing(trial, epochs) if trial.record.model == "tiny/tiny" else rising(trial, epochs)

    sweep = begun(max_trials=12, models=("tiny", "broken_prefix"), stopping="none")
    work_on(sweep, runner=Pretending(score))
    trials = sweep.trials()
    assert len(trials) == 12
    assert [trial.state.status for trial in trials if trial.record.model == "tiny/tiny"] == ["failed"] * 3


def test_two_failures_and_a_success_drop_nobody(begun: Begin) -> None:
    def score(trial: Trial, epochs: int) -> float:
        return rising(trial, epochs) if trial.number % 3 == 0 else failing(trial, epochs)

    sweep = begun(max_trials=7, stopping="none")
    work_on(sweep, runner=Pretending(score))
    assert [trial.state.status for trial in sweep.trials()] == ["failed", "failed", "completed"] * 2 + ["failed"]


def test_a_trial_whose_process_is_killed_has_failed_and_says_by_what(begun: Begin) -> None:
    sweep = begun(max_trials=1)
    work_on(sweep, runner=Pretending(rising, status=-9))
    assert sweep.trial(1).state.reason == "its process was killed by SIGKILL, perhaps for want of memory"
    other = begun(max_trials=1)
    work_on(other, runner=Pretending(rising, status=1))
    assert other.trial(1).state.reason == "its process ended with status 1"


def test_more_trials_go_on_and_fewer_are_refused(begun: Begin, monkeypatch: pytest.MonkeyPatch) -> None:
    sweep = begun(max_trials=2)
    work_on(sweep, runner=Pretending(rising))
    with pytest.raises(VistryError, match="--max_trials 1 is less than the 2 that .* limits of a sweep only grow"):
        resume_sweep(sweep.path, max_trials=1)
    monkeypatch.setattr("vistry.sweep.session.local_runner", lambda backend: _Entered(Pretending(rising)))
    assert resume_sweep(sweep.path, max_trials=4).reason == "all 4 trials are done"
    assert [trial.number for trial in sweep.trials()] == [1, 2, 3, 4]
    assert SweepFolder(sweep.path).record.limits.max_trials == 4


class _Entered:
    """A runner as a context."""

    def __init__(self, runner: Pretending):
        self._runner = runner

    def __enter__(self) -> Pretending:
        return self._runner

    def __exit__(self, *_: object) -> None:
        pass


def test_a_sweep_grown_later_is_as_one_that_was_as_large_from_the_start(begun: Begin, tmp_path: Path) -> None:
    whole = begun(max_trials=6)
    work_on(whole, runner=Pretending(rising))
    grown = begun(max_trials=2)
    work_on(grown, runner=Pretending(rising))
    with locked(grown):
        worker.with_limits(grown, max_trials=6, time_limit=None)
    work_on(SweepFolder(grown.path), runner=Pretending(rising))
    assert [trial.record for trial in grown.trials()] == [trial.record for trial in whole.trials()]


def test_a_trial_that_somebody_has_claimed_is_left_to_him(begun: Begin) -> None:
    sweep = begun(max_trials=2)
    work_on(sweep, runner=Pretending(rising))
    sweep.write_state(1, sweep.trial(1).state)
    assert not is_held(sweep, 1)
    claim = Claim(sweep, 1)
    assert is_held(sweep, 1)
    claim.let_go()
    assert not is_held(sweep, 1)


def test_no_trial_begins_that_cant_reach_its_first_rung(begun: Begin) -> None:
    sweep = begun(max_trials=20, time_limit=7.5, stopping="none")
    runner = Pretending(rising)
    work_on(sweep, runner=runner)
    # Each has taken four seconds by its own account, so a second one would still fit, and those after it, since
    # pretending takes none of the clock's time; none that needs more than is left.
    assert runner.numbers
    short = begun(max_trials=20, time_limit=5.0, stopping="none")
    runner = Pretending(rising)
    result = work_on(short, runner=runner)
    assert runner.numbers == [1]  # nobody knew how long it would take; 4 s and the reserve are more than is left
    assert result.reason == "the time left is too short for another trial"


def test_a_time_limit_counts_what_was_worked_before(begun: Begin) -> None:
    sweep = begun(max_trials=1, time_limit=10.0)
    work_on(sweep, began=time.time() - 4, runner=Pretending(rising))
    for moment in (0.0, 9.5):
        event = sweep.add_event("opened" if moment == 0 else "closed")
        text = (sweep.path / "events.jsonl").read_text().splitlines()
        text[-1] = text[-1].replace(str(event.time), str(moment)).replace(event.worker, "elsewhere:1")
        (sweep.path / "events.jsonl").write_text("\n".join(text) + "\n")
    with pytest.raises(RunError, match=r"has used up its time, 10s; .*give it more in all: vistry resume .*time-limit"):
        work_on(sweep, runner=Pretending(rising))


def test_limits_that_make_no_sense_are_told_together(request_of: MakeRequest, folders: Path) -> None:
    request = request_of(limits=Limits(max_trials=0, max_concurrent_trials=-1, time_limit=-5.0))
    with pytest.raises(HyperparameterError, match=r"3 problems with the sweep:") as error:
        plan_sweep(request)
    assert {problem.field for problem in error.value.problems} == {"max_trials", "max_concurrent_trials", "time_limit"}


def test_what_nobody_asked_for_is_said(request_of: MakeRequest, folders: Path) -> None:
    notes = plan_sweep(request_of(max_trials=None)).notes
    assert any("early_stopping is off in a sweep" in note for note in notes)
    assert any("20 trials, as nothing else is said" in note for note in notes)
    given = plan_sweep(request_of(max_trials=2, fixed={"early_stopping": 1}))
    assert given.notes == ()


def test_the_best_goes_where_it_is_wanted_and_nothing_else_is_overwritten(
    request_of: MakeRequest, folders: Path, tmp_path: Path
) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    with pytest.raises(RunError, match="holds something else; name another folder"):
        plan_sweep(request_of(best_to=str(tmp_path / "mine")))


def test_what_breaks_a_constraint_is_skipped_and_not_counted(begun: Begin, monkeypatch: pytest.MonkeyPatch) -> None:
    """The network of one model is larger than that of the other; each is measured once."""
    measured: list[str] = []

    def pretended(sweep: SweepFolder, suggestion: Suggestion) -> Footprint:
        measured.append(suggestion.model)
        size = 10 if suggestion.model == "tiny/tiny" else 1000
        return Footprint(parameters=size, model_size=4 * size, latency=0.001 * size, memory=10**6)

    monkeypatch.setattr(constraints, "_measured", pretended)
    sweep = begun(
        max_trials=4, models=("tiny", "broken_prefix"), stopping="none", constraints=Constraints(max_parameters=100)
    )
    result = work_on(sweep, runner=Pretending(rising))
    trials = sweep.trials()
    assert sorted(measured) == ["tiny/broken_prefix", "tiny/tiny"]
    assert {trial.record.model for trial in trials if trial.state.status == "completed"} == {"tiny/tiny"}
    skipped = [trial for trial in trials if trial.state.status == "skipped"]
    assert skipped
    assert {trial.state.reason for trial in skipped} == {"1,000 parameters are more than 100"}
    assert len(trials) - len(skipped) == 4
    assert result.reason.startswith("all 4 trials are done, ")
    assert f"{len(skipped)} more w" in result.reason


def test_where_nothing_keeps_to_the_constraints_that_is_said(begun: Begin, monkeypatch: pytest.MonkeyPatch) -> None:
    large = Footprint(parameters=1, model_size=2**30, latency=2.0, memory=2**34)
    monkeypatch.setattr(constraints, "_measured", lambda sweep, suggestion: large)
    sweep = begun(max_trials=2, constraints=Constraints(max_model_size=2**20, max_latency=0.5, max_memory=2**30))
    result = work_on(sweep, runner=Pretending(rising))
    assert result.best is None
    assert result.reason == "none of the last 100 draws keeps to the constraints and rules"
    assert sweep.trial(1).state.reason == (
        "weights of 1024.0 MiB are more than 1.0 MiB; 2000.0 ms for an image are more than 500.0 ms; training takes "
        "16384.0 MiB, more than 1024.0 MiB"
    )


def test_a_model_is_measured_in_a_process_of_its_own(begun: Begin) -> None:
    sweep = begun(max_trials=1)
    suggestion = Suggestion(group=0, model="tiny/tiny", values={"optimizer": "sgd"}, why="a test")
    footprint = constraints.footprint_of(sweep, suggestion)
    # Two convolutions of 3 x 3 without bias, two batch norms, and the head for four classes.
    parameters = 3 * 16 * 9 + 2 * 16 + 16 * 32 * 9 + 2 * 32 + 512 * 4 + 4
    statistics = 2 * (16 + 32)
    assert footprint.parameters == parameters
    assert abs(footprint.model_size - 4 * (parameters + statistics)) <= 16  # the batches that the norms have counted
    assert footprint.memory > 10 * 2**20
    assert constraints.footprint_of(sweep, suggestion) == footprint
