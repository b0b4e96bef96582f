"""How much the primary metric still moved at the end of a training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from vistry.runs.records import EpochEntry

EVALUATIONS = 5


@dataclass(frozen=True)
class LastScores:
    """The lowest and the highest score of the last `evaluations`."""

    low: float
    high: float
    evaluations: int


def last_scores(history: Sequence[EpochEntry], metric: str) -> LastScores | None:
    """Return the spread of a metric over the last evaluated epochs; None with fewer than two."""
    scores = [entry.metrics[metric] for entry in history if entry.metrics and metric in entry.metrics]
    last = scores[-EVALUATIONS:]
    return LastScores(min(last), max(last), len(last)) if len(last) > 1 else None
