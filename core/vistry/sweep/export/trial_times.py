"""When trials began and ended, by the sweep's events."""

from __future__ import annotations

from dataclasses import dataclass

from vistry.sweep.folder import SweepFolder
from vistry.sweep.trial import Trial


@dataclass(frozen=True)
class TrialTimes:
    """When a trial was begun and when somebody last wrote of it, in seconds since 1970."""

    begun: float
    ended: float


def trial_times(sweep: SweepFolder) -> dict[int, TrialTimes]:
    """The times of each trial that an event is about."""
    times: dict[int, TrialTimes] = {}
    for event in sweep.events():
        if event.trial is not None:
            begun = times[event.trial].begun if event.trial in times else event.time
            times[event.trial] = TrialTimes(begun, event.time)
    return times


def times_of(trial: Trial, times: dict[int, TrialTimes]) -> TrialTimes:
    """The times of a trial; without any event, as if it had been begun at the epoch of the clock."""
    return times.get(trial.number, TrialTimes(0.0, trial.seconds))
