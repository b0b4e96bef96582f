"""A sweep as its report and its lists need it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import NormalDist, median

from vistry.errors import RunError
from vistry.registry.field_spec import Scalar
from vistry.runs.folder import Run
from vistry.runs.records import RunStatus
from vistry.sweep.coordinates import Coordinates
from vistry.sweep.folder import SweepFolder, ranking
from vistry.sweep.records import Event, SweepRecord
from vistry.sweep.standing import as_they_stand
from vistry.sweep.test_split import TestRecord, read_test
from vistry.sweep.trial import Trial

NORMAL_95 = 1.959964


@dataclass(frozen=True)
class Contents:
    """A sweep's files, read once: what was asked for, every trial, what happened, and the test split's figure."""

    sweep: SweepFolder
    record: SweepRecord
    trials: Sequence[Trial]
    events: Sequence[Event]
    test: TestRecord | None = None

    @classmethod
    def of(cls, sweep: SweepFolder) -> Contents:
        """Read a sweep. Raises RunError."""
        trials = as_they_stand(sweep, sweep.trials())
        return cls(sweep, sweep.record, trials, events=sweep.events(), test=read_test(sweep))

    @cached_property
    def ranked(self) -> list[Trial]:
        """The trials, the best first."""
        return ranking(self.trials)

    @cached_property
    def scored(self) -> list[Trial]:
        """Those that were evaluated, the best first."""
        return [trial for trial in self.ranked if trial.best() is not None]

    @property
    def best(self) -> Trial | None:
        """The best trial, if any was evaluated."""
        return self.scored[0] if self.scored else None

    @cached_property
    def coordinates(self) -> Coordinates:
        """The coordinates that all models share."""
        return Coordinates(self.record.space)

    @cached_property
    def counts(self) -> Mapping[str, int]:
        """How many trials have each status."""
        return Counter(trial.state.status for trial in self.trials)

    @cached_property
    def varied(self) -> tuple[str, ...]:
        """The hyperparameters of which not all trials that have them have the same value."""
        every: dict[str, set[tuple[bool, Scalar | None]]] = {}
        for trial in self.trials:
            for name, value in trial.record.values.items():
                every.setdefault(name, set()).add((isinstance(value, bool), value))
        return tuple(name for name, values in every.items() if len(values) > 1)

    @cached_property
    def has_several_models(self) -> bool:
        """Whether the trials are of more than one model."""
        return len({trial.record.model for trial in self.trials}) > 1

    def metric(self, score: float | None) -> float | None:
        """A score as the primary metric's own value."""
        return self.sweep.metric(score)

    def run_of(self, trial: Trial) -> Run:
        """A trial's run."""
        return self.sweep.run_of(trial.number)

    def status_of(self, trial: Trial) -> RunStatus | None:
        """What a trial's run says of itself; None where it has no such file yet, or a damaged one."""
        # A trial that is being claimed has no files yet, and one bad trial hides no other.
        try:
            return self.run_of(trial).status
        except (RunError, OSError):
            return None

    def latency(self, trial: Trial) -> float | None:
        """Milliseconds an image in the trial's evaluations, their median; None where it was never evaluated."""
        images = self.record.data.validation_images
        try:
            history = self.run_of(trial).history()
        except RunError:
            return None
        seconds = [entry.evaluation_seconds for entry in history if entry.evaluation_seconds]
        return 1000 * median(seconds) / images if seconds and images else None

    @property
    def luck(self) -> float | None:
        """By how much the best would be too good if all trials were equally good, in units of the primary metric.

        The expected largest of N normal errors whose deviation is that of the best score (Blom 1958); an upper bound,
        since the trials are measured on the same images. None where the best has no interval.
        """
        status = None if self.best is None else self.status_of(self.best)
        if status is None or status.interval is None or len(self.scored) < 2:
            return None
        error = (status.interval.high - status.interval.low) / (2 * NORMAL_95)
        number = len(self.scored)
        return error * NormalDist().inv_cdf((number - 0.375) / (number + 0.25))


def short_model(name: str) -> str:
    """A model's name without its family."""
    return name.rpartition("/")[2]


class WorkingTime:
    """Moments as seconds of work: the time in which no process worked on the sweep is left out."""

    def __init__(self, events: Iterable[Event]):
        spans: list[tuple[float, float]] = []
        of_worker: dict[str, int] = {}
        for event in events:
            if event.kind == "opened" or event.worker not in of_worker:
                of_worker[event.worker] = len(spans)
                spans.append((event.time, event.time))
            place = of_worker[event.worker]
            spans[place] = spans[place][0], max(spans[place][1], event.time)
        self._spans = _merged(spans)

    def at(self, time: float) -> float:
        """The seconds of work before a moment, by time.time()."""
        return sum(max(0.0, min(time, end) - start) for start, end in self._spans)

    @property
    def total(self) -> float:
        """All of them."""
        return sum(end - start for start, end in self._spans)


def _merged(spans: Iterable[tuple[float, float]]) -> list[tuple[float, float]]:
    merged: list[tuple[float, float]] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(merged[-1][1], end)
        else:
            merged.append((start, end))
    return merged
