"""What a sweep does next, by what is on disk and nothing else.

As long as there is time, that is `next_job(...) or next_paused(...)`; with a number of trials alone, `next_job(...)`.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import replace

from vistry.sweep.expected_end import ExpectedEnd
from vistry.sweep.protocols import Job, Resume, Sampler, Termination
from vistry.sweep.space import Score
from vistry.sweep.trial import Trial, TrialRecord

BEGUN = "begun, and not at its end"
PROMOTED = "among the best of its rung"
FIRST_TO_END = "the best so far, and none has ended"
TIME_LEFT = "the best of those paused, and there is time left"


def next_job(
    trials: Sequence[Trial],
    *,
    sampler: Sampler,
    termination: Termination,
    max_trials: int | None = None,
    busy: Collection[int] = (),
) -> Job | None:
    """The next job: a new trial, which gets the number `next_number`, or one to go on with; None where nothing is left.

    What was begun comes first, then a paused trial that is promoted, then a new trial while there are fewer than
    `max_trials`, and where then not one has come to its end, the best of those paused. `busy` are the numbers of the
    trials that somebody trains now.

    A trial that was begun may have reached its `until` already, where the one who trained it died in between: it has
    then to be judged, and not to be trained.
    """
    begun = [trial for trial in trials if trial.state.status == "running" and trial.number not in busy]
    if begun:
        return Resume(number=begun[0].number, until=begun[0].state.until or begun[0].record.epochs, reason=BEGUN)
    if (promotion := termination.promoted(_with_busy_running(trials, busy))) is not None:
        return Resume(number=promotion[0], until=promotion[1], reason=PROMOTED)
    number = next_number(trials)
    if max_trials is None or number <= max_trials:
        suggestion = sampler.suggest(number, trials)
        if suggestion is not None:
            return suggestion
    # Halving alone could leave a small sweep without one training that has ended.
    if any(trial.state.status in ("completed", "running") for trial in trials):
        return None
    return _to_end(trials, {trial.number: trial.best() for trial in trials}, busy, reason=FIRST_TO_END)


def next_paused(trials: Sequence[Trial], *, score: Score, busy: Collection[int] = ()) -> Resume | None:
    """The paused trial that is expected to end best, to be trained to its end; None where none is paused."""
    expected = ExpectedEnd(trials, score)
    ends = {trial.number: expected.of(trial) for trial in trials}
    return _to_end(trials, ends, busy, reason=TIME_LEFT)


def next_number(trials: Sequence[Trial]) -> int:
    """The number of a new trial."""
    return 1 + max((trial.number for trial in trials), default=0)


def first_goal(record: TrialRecord, termination: Termination) -> int:
    """To how many epochs a new trial trains first: all of a model's default, else to the first rung."""
    return record.epochs if record.why.startswith("default of ") else termination.first_rung(record.epochs)


def _to_end(
    trials: Sequence[Trial], ends: dict[int, float | None], busy: Collection[int], *, reason: str
) -> Resume | None:
    def promise(trial: Trial) -> tuple[float, int]:
        end = ends[trial.number]
        return -math.inf if end is None else end, -trial.number

    paused = [trial for trial in trials if trial.state.status == "paused" and trial.number not in busy]
    if not paused:
        return None
    best = max(paused, key=promise)
    return Resume(number=best.number, until=best.record.epochs, reason=reason)


def _with_busy_running(trials: Sequence[Trial], busy: Collection[int]) -> list[Trial]:
    """The trials, of which those that somebody trains aren't paused, whatever their files say still."""
    return [
        replace(trial, state=replace(trial.state, status="running"))
        if trial.number in busy and trial.state.status == "paused"
        else trial
        for trial in trials
    ]
