"""Where trials stand, for people: state.json says "running" of one that was cut short, too, until it goes on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from vistry.sweep.claims import is_held
from vistry.sweep.folder import SweepFolder
from vistry.sweep.trial import Trial

INTERRUPTED = "interrupted"
GO_ON = "to be gone on with"


def is_interrupted(sweep: SweepFolder, trial: Trial) -> bool:
    """Whether a trial was begun, hasn't ended, and nobody works on it: who resumes the sweep goes on with it first."""
    if trial.state.status != "running":
        return False
    # Who may only look at a folder can't ask for its locks.
    try:
        return not is_held(sweep, trial.number)
    except OSError:
        return False


def interrupted_ones(sweep: SweepFolder, trials: Iterable[Trial]) -> frozenset[int]:
    """The numbers of the trials that are to be gone on with."""
    return frozenset(trial.number for trial in trials if is_interrupted(sweep, trial))


def as_they_stand(sweep: SweepFolder, trials: Iterable[Trial]) -> list[Trial]:
    """The trials as people are shown them: those that are to be gone on with are "interrupted", and say so."""
    trials = list(trials)
    cut_short = interrupted_ones(sweep, trials)
    return [_interrupted(trial) if trial.number in cut_short else trial for trial in trials]


def _interrupted(trial: Trial) -> Trial:
    reason = f"{GO_ON}: {trial.state.reason}" if trial.state.reason else GO_ON
    return replace(trial, state=replace(trial.state, status=INTERRUPTED, reason=reason))
