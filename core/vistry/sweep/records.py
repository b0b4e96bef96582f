"""What the files of a sweep's folder hold, beside trial.json and state.json, whose records are in trial.py.

As in a run's folder, the names of the fields are the keys on disk: one may be added, with a default, and none changes
its meaning.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from vistry.registry.field_spec import Scalar
from vistry.runs.records import DataRecord
from vistry.sweep.automatic.records import AutomaticRecord
from vistry.sweep.request import Constraints, Limits, SamplerRequest, TerminationRequest, TestData
from vistry.sweep.space import Space, Values

if TYPE_CHECKING:
    from vistry.training.plan import Request


@dataclass(frozen=True, kw_only=True)
class RequestRecord:
    """Which data is trained on and how it is read, as it was asked for; paths are absolute."""

    data: str
    validation: str | None = None
    format: str | None = None
    images: tuple[str, ...] = ()
    columns: Mapping[str, str] = field(default_factory=dict)
    classes_at: int | None = None
    validation_size: float | None = None
    backend: str = "torch"
    group_by: str | None = None

    @classmethod
    def of(cls, request: Request) -> RequestRecord:
        """Record a request; the task, the model and the metric are the sweep's."""
        reading = request.reading
        return cls(
            data=str(request.data.resolve()),
            validation=None if request.validation is None else str(request.validation.resolve()),
            format=reading.format,
            images=tuple(str(folder.resolve()) for folder in reading.images),
            columns=dict(reading.columns),
            classes_at=reading.classes_at,
            validation_size=request.validation_size,
            backend=request.backend,
            group_by=request.group_by,
        )

    def request(self, task: str, primary_metric: str, model: str) -> Request:
        """The request of one trial."""
        from vistry.data.source import ReadingOptions
        from vistry.training.plan import Request

        return Request(
            data=Path(self.data),
            task=task,
            model=model,
            validation=None if self.validation is None else Path(self.validation),
            reading=ReadingOptions.of(self.format, self.images, self.columns, classes_at=self.classes_at),
            validation_size=self.validation_size,
            primary_metric=primary_metric,
            backend=self.backend,
            group_by=self.group_by,
        )


@dataclass(frozen=True, kw_only=True)
class FixedRecord:
    """The values that all trials have whose models take them, and where each was set."""

    values: Values = field(default_factory=dict)
    origins: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class SweepRecord:
    """sweep.json: all that going on with a sweep needs to know. Written once, and again only for larger limits.

    `space` is as resolved: full names of models, and each default worked out. `threads` is how many a trial has.
    `automatic` says how the space came about where nobody said what to search.
    """

    id: str
    task: str
    models: tuple[str, ...]
    space: Space
    sampler: SamplerRequest
    termination: TerminationRequest
    limits: Limits
    seed: int
    primary_metric: str
    larger_is_better: bool
    classes: tuple[str, ...]
    request: RequestRecord
    data: DataRecord
    threads: int
    created: str
    command: tuple[str, ...] = ()
    fixed: FixedRecord = FixedRecord()
    constraints: Constraints = field(default_factory=Constraints)
    notes: Mapping[str, str] = field(default_factory=dict)
    best_to: str | None = None
    test: TestData | None = None
    versions: Mapping[str, str] = field(default_factory=dict)
    automatic: AutomaticRecord | None = None


@dataclass(frozen=True, kw_only=True)
class Event:
    """A line of events.jsonl. `time` is in seconds since 1970, `worker` the machine and the process that wrote it.

    `kind` is opened or closed (a worker began or ended its work), begun, resumed, promoted, paused, stopped, completed,
    interrupted (also by the time limit), failed, skipped (it breaks a constraint), dropped (a model), deleted
    (weights), limits (grown) or note. `epoch` counts from 1; `score` is the primary metric.
    """

    time: float
    worker: str
    kind: str
    trial: int | None = None
    epoch: int | None = None
    score: float | None = None
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class LeaderboardEntry:
    """A trial among the others; `score` is the primary metric after its best epoch, which counts from 1.

    `is_interrupted` is whether it is "running" and nobody works on it, so that it is to be gone on with.
    """

    rank: int
    trial: int
    model: str
    status: str
    values: Mapping[str, Scalar | None]
    why: str
    score: float | None = None
    best_epoch: int | None = None
    epochs: int = 0
    reason: str = ""
    is_interrupted: bool = False


@dataclass(frozen=True, kw_only=True)
class LeaderboardRecord:
    """leaderboard.json: every trial, the best first."""

    primary_metric: str
    trials: tuple[LeaderboardEntry, ...]
