"""What a person sees of a sweep while it runs: a line a trial."""

from __future__ import annotations

import time
from collections.abc import Sequence

from vistry.registry.field_spec import Scalar
from vistry.report.numbers import duration
from vistry.sweep.distribution import Distribution
from vistry.sweep.folder import SweepFolder
from vistry.sweep.space import Values
from vistry.sweep.standing import GO_ON
from vistry.sweep.test_split import read_test
from vistry.sweep.trial import Trial


def trial_line(sweep: SweepFolder, number: int, *, deadline: float | None = None) -> str:
    """A trial that has just ended, and after it the best so far and the time left until `deadline`, by time.time()."""
    trials = sweep.trials()
    trial = next(one for one in trials if one.number == number)
    best = sweep.best()
    parts = [
        f"trial {number}{_of(sweep, number, trials)}",
        trial.record.model.rpartition("/")[2],
        values_text(drawn_values(sweep, trial)) or "its defaults",
        f"({trial.record.why})",
        f"epoch {trial.trained}/{trial.record.epochs}",
        score_text(sweep, trial),
        _end(trial),
    ]
    line = "  ".join(part for part in parts if part)
    if best is not None:
        line += f"  | best: trial {best.number}, {score_text(sweep, best)}"
    if deadline is not None:
        line += f", {duration(max(0.0, deadline - time.time()))} left"
    return line


def drawn_values(sweep: SweepFolder, trial: Trial) -> Values:
    """The values of a trial that others may have otherwise."""
    parameters = sweep.record.space.groups[trial.record.group].parameters
    return {
        name: value
        for name, value in trial.record.values.items()
        if name not in parameters or len(parameters[name].choices) != 1
    }


def values_text(values: Values) -> str:
    """The values of a trial, in few digits."""
    return ", ".join(f"{name} {_value(value)}" for name, value in values.items())


def distribution_text(drawn: Distribution) -> str:
    """What a hyperparameter is drawn from."""
    if drawn.kind == "choice":
        return ", ".join(map(_value, drawn.choices))
    if drawn.kind in ("normal", "lognormal"):
        text = f"around {drawn.mean:.4g} with deviation {drawn.deviation:.4g}"
    else:
        text = f"{_value(drawn.low)} to {_value(drawn.high)}"
    notes = ["times its default"] if drawn.is_relative else []
    notes += ["logarithmic"] if drawn.kind in ("loguniform", "lognormal") else []
    notes += [f"in steps of {drawn.step:g}"] if drawn.step is not None else []
    return f"{text} ({', '.join(notes)})" if notes else text


def score_text(sweep: SweepFolder, trial: Trial) -> str:
    """A trial's best score with the metric's name; "" where it has none."""
    score = sweep.metric(trial.best())
    return "" if score is None else f"{sweep.record.primary_metric} {score:.4f}"


def test_text(sweep: SweepFolder) -> str:
    """The figure on the test images; "" where there is none."""
    test = read_test(sweep)
    if test is None or test.score is None:
        return ""
    of = f" of {test.data}" if test.data else ""
    return (
        f"{sweep.record.primary_metric} {test.score:.4f} of trial {test.trial} on {test.images} images{of} that chose "
        "nothing"
    )


def _of(sweep: SweepFolder, number: int, trials: Sequence[Trial]) -> str:
    """Among how many trials it is one; where some were skipped, the how-manieth of those that count."""
    limit = sweep.record.limits.max_trials
    if limit is None:
        return ""
    before = [trial for trial in trials if trial.number <= number]
    counted = counted_trials(before)
    return f" of {limit}" if counted == len(before) else f" ({counted} of {limit})"


def counted_trials(trials: Sequence[Trial]) -> int:
    """How many trials count against the limit: those that were skipped don't."""
    return sum(trial.state.status != "skipped" for trial in trials)


def _value(value: Scalar | None) -> str:
    if value is None:
        return "unset"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _end(trial: Trial) -> str:
    state = trial.state
    if state.status == "completed":
        return ""
    status = GO_ON if state.status == "running" else state.status
    return f"{status}: {state.reason}" if state.reason else status
