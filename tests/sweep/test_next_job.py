"""What a sweep does next, on made-up data sets whose trainings resume exactly."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from vistry.sweep.early_termination import termination_of
from vistry.sweep.next_job import first_goal, next_job, next_number, next_paused
from vistry.sweep.protocols import Resume
from vistry.sweep.request import SamplerRequest, TerminationRequest
from vistry.sweep.samplers import sampler_of
from vistry.sweep.space import Score, Space, Suggestion
from vistry.sweep.trial import Trial

ACCURACY = Score(metric="accuracy", limit=1.0)
HALVING = termination_of(TerminationRequest(), Space(groups=(), score=ACCURACY))
BANDIT = TerminationRequest(name="bandit", slack_factor=0.2, evaluation_interval=2, delay_evaluation=6)

Make = Callable[..., Trial]


class Counting:
    """A sampler that has so many trials to propose."""

    def __init__(self, count: int):
        self.count = count

    def suggest(self, number: int, trials: Sequence[Trial]) -> Suggestion | None:
        values = {"number": number}
        return Suggestion(group=0, model="f/m", values=values, why="counted") if number <= self.count else None


class Killed(Exception):
    """The process is gone."""


def test_what_was_begun_comes_first(trial: Make) -> None:
    best = [trial(number, [0.5] * 3, status="paused") for number in (1, 2, 3)]
    begun = [trial(4, [0.1], until=3), trial(5)]
    job = next_job([*best, *begun], sampler=Counting(99), termination=HALVING)
    assert job == Resume(number=4, until=3, reason="begun, and not at its end")
    job = next_job([*best, *begun], sampler=Counting(99), termination=HALVING, busy=[4])
    assert job == Resume(number=5, until=27, reason="begun, and not at its end")


def test_then_the_best_of_a_rung_and_then_a_new_trial(trial: Make) -> None:
    paused = [trial(number, [0.5 + number / 100] * 3, status="paused") for number in (1, 2, 3)]
    job = next_job(paused, sampler=Counting(99), termination=HALVING, max_trials=3)
    assert job == Resume(number=3, until=9, reason="among the best of its rung")
    job = next_job(paused[:2], sampler=Counting(99), termination=HALVING, max_trials=3)
    assert job == Suggestion(group=0, model="f/m", values={"number": 3}, why="counted")
    assert next_number(paused) == 4
    assert next_number([]) == 1


def test_nobody_promotes_what_another_trains(trial: Make) -> None:
    paused = [trial(number, [0.5 + number / 100] * 3, status="paused") for number in (1, 2, 3)]
    job = next_job(paused, sampler=Counting(99), termination=HALVING, busy=[3])
    assert isinstance(job, Suggestion)


def test_at_the_end_there_is_nothing_but_a_trial_that_has_ended(trial: Make) -> None:
    two = [trial(1, [0.5] * 3, status="paused"), trial(2, [0.6] * 3, status="paused")]
    job = next_job(two, sampler=Counting(2), termination=HALVING)
    assert job == Resume(number=2, until=27, reason="the best so far, and none has ended")
    ended = [*two, trial(3, [0.7] * 27, status="completed")]
    assert next_job(ended, sampler=Counting(2), termination=HALVING) is None
    assert next_job([trial(1, status="failed")], sampler=Counting(1), termination=HALVING) is None
    assert next_job([], sampler=Counting(0), termination=HALVING) is None


def test_a_larger_number_of_trials_goes_on(trial: Make) -> None:
    ended = [trial(1, [0.4] * 27, status="completed")]
    assert next_job(ended, sampler=Counting(9), termination=HALVING, max_trials=1) is None
    assert isinstance(next_job(ended, sampler=Counting(9), termination=HALVING, max_trials=2), Suggestion)


def test_while_there_is_time_the_paused_go_on_best_first(trial: Make) -> None:
    fast = trial(1, [0.6] * 27, status="completed", model="f/fast", why="default of fast")
    slow = trial(2, [0.3] * 3 + [0.9] * 24, status="completed", model="f/slow", why="default of slow")
    paused = [
        trial(3, [0.62] * 3, status="paused", model="f/fast"),
        trial(4, [0.35] * 3, status="paused", model="f/slow"),
    ]
    trials = [fast, slow, *paused]
    reason = "the best of those paused, and there is time left"
    assert next_paused(trials, score=ACCURACY) == Resume(number=4, until=27, reason=reason)
    assert next_paused(trials, score=ACCURACY, busy=[4]) == Resume(number=3, until=27, reason=reason)
    assert next_paused(trials, score=Score(metric="loss")) == Resume(number=3, until=27, reason=reason)
    assert next_paused([fast, slow], score=ACCURACY) is None


def test_a_default_is_to_run_to_its_end(trial: Make) -> None:
    assert first_goal(trial(1, why="default of model").record, HALVING) == 27
    assert first_goal(trial(1, why="sobol").record, HALVING) == 3


def sweep(surface: ModuleType, sampler: str, termination: TerminationRequest, max_trials: int, seed: int = 0) -> Any:
    space = surface.default_space()
    proposer = sampler_of(SamplerRequest(name=sampler, seed=seed), space)
    return surface.Sweep(
        surface.Surface(seed % 12),
        space,
        proposer,
        termination_of(termination, space),
        max_trials=max_trials,
        seed=seed,
    )


def test_two_hundred_trials_of_halving(surface: ModuleType) -> None:
    done = sweep(surface, "random", TerminationRequest(), 200)
    done.run()
    trained = [trial.trained for trial in done.trials]
    assert len(trained) == 200
    assert set(trained) == {3, 9, 27}
    # A third of each rung has gone on, and some more: who was among the best may no longer be when the next ones come.
    assert 200 // 3 <= sum(epochs >= 9 for epochs in trained) <= 200 // 2
    assert 200 // 9 <= sum(epochs == 27 for epochs in trained) <= 200 // 5
    assert {trial.state.status for trial in done.trials} == {"paused", "completed"}
    at_rung = {trial.number: trial.best(3) or 0 for trial in done.trials}
    ahead = [at_rung[trial.number] for trial in done.trials if trial.trained >= 9]
    assert sum(ahead) / len(ahead) > sum(at_rung.values()) / 200
    assert not any(trial.state.status == "running" for trial in done.trials)


@pytest.mark.parametrize("termination", [TerminationRequest(), BANDIT], ids=lambda one: one.name)
@pytest.mark.parametrize("sampler", ["auto", "random", "sobol", "bayesian"])
def test_killed_after_any_epoch_it_ends_the_same(
    surface: ModuleType, sampler: str, termination: TerminationRequest
) -> None:
    whole = sweep(surface, sampler, termination, 14)
    whole.run()
    broken = sweep(surface, sampler, termination, 14)
    kills = 0
    while True:
        epochs = iter(range(7))

        def live(epochs: Any = epochs) -> None:
            if next(epochs, None) is None:
                raise Killed

        # A new process has the files, and nothing else of the old one.
        successor = sweep(surface, sampler, termination, 14)
        successor.trials, successor.spent = copy.deepcopy(broken.trials), broken.spent
        broken = successor
        try:
            broken.run(after_epoch=live)
            break
        except Killed:
            kills += 1
    assert kills >= 10
    assert broken.trials == whole.trials


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 50), cut=st.integers(0, 60))
def test_replayed_from_any_job_it_goes_on_the_same(surface: ModuleType, seed: int, cut: int) -> None:
    whole = sweep(surface, "random", TerminationRequest(), 20, seed)
    snapshots: list[list[Trial]] = []
    whole.run(after_epoch=lambda: snapshots.append(list(whole.trials)))
    again = sweep(surface, "random", TerminationRequest(), 20, seed)
    again.trials = snapshots[min(cut * 3, len(snapshots) - 1)]
    again.run()
    assert again.trials == whole.trials


def test_a_larger_sweep_begins_as_the_smaller_one_did(surface: ModuleType) -> None:
    small, large = (sweep(surface, "auto", BANDIT, count) for count in (12, 16))
    small.run()
    large.run()
    assert large.trials[:12] == small.trials
    small.max_trials = 16
    small.run()
    assert small.trials == large.trials
