"""The hosted product's policies: bandit, median stopping, truncation selection.

They compare trials after as many reports of the primary metric, the `interval`, however many epochs each trial has.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, median

from vistry.sweep.protocols import Verdict
from vistry.sweep.request import TerminationRequest
from vistry.sweep.space import Score, Space
from vistry.sweep.trial import Trial

TOLERANCE = 1e-12  # .8 - .14 is no less than .66


@dataclass(frozen=True, kw_only=True)
class Policy(ABC):
    """Looks at every `every`th interval from `delay` on, and stops for good."""

    request: TerminationRequest
    score: Score

    def first_rung(self, epochs: int) -> int:
        """All epochs: no trial waits for others."""
        return epochs

    def is_due(self, interval: int) -> bool:
        """Whether the policy looks at trials after so many reports."""
        return interval >= self.request.delay_evaluation and interval % max(self.request.evaluation_interval, 1) == 0

    def verdict(self, trial: Trial, trials: Sequence[Trial]) -> Verdict | None:
        """Stop a trial that is worse than the policy allows, when it looks at it."""
        interval = len(trial.evaluations)
        if not interval or not self.is_due(interval):
            return None
        # The list may have been read before the evaluation that is judged.
        everybody = [trial, *(other for other in trials if other.number != trial.number)]
        reason = self._reason(_best(trial, interval), everybody, interval=interval)
        return Verdict(action="stop", reason=f"{reason} at interval {interval}") if reason else None

    def promoted(self, trials: Sequence[Trial]) -> tuple[int, int] | None:  # noqa: ARG002
        """None: no trial is paused."""
        return None

    @abstractmethod
    def _reason(self, best: float, trials: Sequence[Trial], interval: int) -> str:
        """Why a trial with this best is stopped, "" where it isn't; it is among `trials`."""

    def _below(self, best: float, limit: float, formula: str) -> str:
        if best >= limit - TOLERANCE:
            return ""
        sign = ">" if self.score.is_negated else "<"
        return f"best {self.score.shown(best)} {sign} {self.score.shown(limit)} = {formula}"


@dataclass(frozen=True, kw_only=True)
class Bandit(Policy):
    """Stops a trial whose best is worse than the best of all, less some slack."""

    @classmethod
    def of(cls, request: TerminationRequest, space: Space) -> Bandit:
        """Make one with the slack of a request."""
        return cls(request=request, score=space.score)

    def limit(self, best: float) -> tuple[float, str]:
        """What a trial must reach where the best has so much, and the formula.

        A factor divides what is positive and multiplies what is negative: else the best would stop itself.
        """
        factor, amount, shown = self.request.slack_factor, self.request.slack_amount, self.score.shown(best)
        if factor is None:
            amount = amount or 0.0
            return best - amount, f"{shown} {'+' if self.score.is_negated else '-'} {amount:g}"
        slack = f"{1 + factor:g}"
        return (best / (1 + factor), f"{shown}/{slack}") if best > 0 else (best * (1 + factor), f"{shown}*{slack}")

    def _reason(self, best: float, trials: Sequence[Trial], interval: int) -> str:
        return self._below(best, *self.limit(max(_best(trial, interval) for trial in trials)))


@dataclass(frozen=True, kw_only=True)
class MedianStopping(Policy):
    """Stops a trial whose best is worse than the median, over trials, of the mean of all reports."""

    @classmethod
    def of(cls, request: TerminationRequest, space: Space) -> MedianStopping:
        """Make one that looks when a request says."""
        return cls(request=request, score=space.score)

    def _reason(self, best: float, trials: Sequence[Trial], interval: int) -> str:
        means = [fmean(_scores(trial, interval)) for trial in trials if len(trial.evaluations) >= interval]
        return self._below(best, median(means), f"median of the means of {len(means)} trials")


@dataclass(frozen=True, kw_only=True)
class TruncationSelection(Policy):
    """Stops the worst share of the trials that have come as far."""

    @classmethod
    def of(cls, request: TerminationRequest, space: Space) -> TruncationSelection:
        """Make one with the share of a request."""
        return cls(request=request, score=space.score)

    def _reason(self, best: float, trials: Sequence[Trial], interval: int) -> str:
        percentage = self.request.truncation_percentage or 0
        bests = sorted(_best(trial, interval) for trial in trials if len(trial.evaluations) >= interval)
        stopped = percentage * len(bests) // 100
        if not stopped or best >= bests[stopped] - TOLERANCE:
            return ""
        return f"best {self.score.shown(best)} is among the lowest {stopped} of {len(bests)} trials ({percentage} %)"


def _scores(trial: Trial, interval: int) -> list[float]:
    """The first reports of a trial; what isn't a number is worse than any."""
    scores = [one.score for one in trial.evaluations[:interval]]
    return [score if math.isfinite(score) else -math.inf for score in scores]


def _best(trial: Trial, interval: int) -> float:
    return max(_scores(trial, interval), default=-math.inf)
