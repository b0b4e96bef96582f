"""Why a sweep has ended, for now, in words."""

from __future__ import annotations

from collections.abc import Sequence

from vistry.sweep.constraints import DRAWS
from vistry.sweep.folder import SweepFolder
from vistry.sweep.trial import Trial
from vistry.sweep.worker import nothing_fits


def reason_of(folder: SweepFolder, deadline: float | None) -> str:
    """Why nobody goes on with a sweep that was to be over at `deadline`."""
    trials = folder.trials()
    if deadline is not None and any(trial.state.status == "running" for trial in trials):
        return "the time limit was reached"
    if nothing_fits(trials):
        return f"none of the last {DRAWS} draws keeps to the constraints and rules"
    limit, done = folder.record.limits.max_trials, sum(trial.state.status != "skipped" for trial in trials)
    if limit is not None and done >= limit:
        return f"all {done} trials are done{_skipped(trials)}"
    left = "the time left is too short for another trial" if deadline is not None else "there is nothing left to try"
    return f"{left}{_skipped(trials)}"


def _skipped(trials: Sequence[Trial]) -> str:
    skipped = sum(trial.state.status == "skipped" for trial in trials)
    return f", {skipped} more {'was' if skipped == 1 else 'were'} skipped" if skipped else ""
