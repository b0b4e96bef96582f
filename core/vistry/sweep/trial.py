"""A trial as files hold it and as searching needs it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from vistry.registry.field_spec import Scalar


@dataclass(frozen=True, kw_only=True)
class TrialRecord:
    """trial.json, written once when somebody claims the trial; `number` counts from 1, models have full names.

    `values` are the hyperparameters that are given to its training, `None` for those left unset; `group` is the
    space's; `threads` and `device` are what it was begun with, and is resumed with.
    """

    number: int
    group: int
    model: str
    values: Mapping[str, Scalar | None]
    why: str
    epochs: int
    threads: int
    device: str = "cpu"


@dataclass(frozen=True, kw_only=True)
class TrialState:
    """state.json, written anew when the state changes.

    `status` is running, paused (it may be promoted), stopped (early termination: it goes on no more), completed, failed
    or skipped (no constraint was met); `reason` says why, with the number that decided. `until` is the number of epochs
    to which it may train before it is asked again, and `since` how many it had when somebody last took it up.
    """

    status: str
    reason: str = ""
    until: int | None = None
    since: int = 0


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """The primary metric after so many epochs; `score` is larger where it is better, so minus a metric that falls."""

    epochs: int
    score: float


@dataclass(frozen=True, kw_only=True)
class Trial:
    """A trial as far as it has come. `seconds` went into it, `evaluation_seconds` into the longest evaluation."""

    record: TrialRecord
    state: TrialState
    evaluations: tuple[Evaluation, ...] = ()
    seconds: float = 0.0
    evaluation_seconds: float = 0.0

    @property
    def number(self) -> int:
        """Its number, from 1."""
        return self.record.number

    @property
    def is_default(self) -> bool:
        """Whether it tries its model's own default, and so runs to its end."""
        return self.record.why.startswith("default of ")

    @property
    def trained(self) -> int:
        """The epochs after which it was evaluated last; 0 where it never was."""
        return self.evaluations[-1].epochs if self.evaluations else 0

    def best(self, epochs: int | None = None) -> float | None:
        """The best score in the first so many epochs, or in all; None where none is a number."""
        last = math.inf if epochs is None else epochs
        scores = [one.score for one in self.evaluations if one.epochs <= last and math.isfinite(one.score)]
        return max(scores, default=None)
