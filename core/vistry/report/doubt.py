"""How sure a figure is, in words."""

from __future__ import annotations

from collections.abc import Sequence

from vistry.evaluation.confidence_interval import Interval
from vistry.report.numbers import count, score
from vistry.runs.last_scores import LastScores

NAMED_CLASSES = 10


def interval_text(interval: Interval) -> str:
    """Write 0.812 to 0.871 and how sure that is."""
    return f"{interval.confidence:.0%} interval {score(interval.low)} to {score(interval.high)}".replace("%", " %")


def last_scores_text(scores: LastScores) -> str:
    """Write between which scores the last evaluations were."""
    return f"the last {scores.evaluations} evaluations {score(scores.low)} to {score(scores.high)}"


def absent_text(classes: Sequence[str]) -> str:
    """Write which classes macro figures leave out; nothing where they leave out none."""
    if not classes:
        return ""
    named = ", ".join(classes[:NAMED_CLASSES])
    more = f" and {len(classes) - NAMED_CLASSES} more" if len(classes) > NAMED_CLASSES else ""
    return f"macro figures leave out {count(len(classes), 'class', 'classes')} that no image has: {named}{more}"
