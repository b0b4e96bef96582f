"""Confidence intervals of figures that were measured on a few images."""

from __future__ import annotations

import math
from dataclasses import dataclass

# The 97.5 % quantile of the normal distribution: 2.5 % lie beyond it on either side.
NORMAL_95 = 1.959964


@dataclass(frozen=True)
class Interval:
    """The ends of a bootstrap's confidence interval, how sure it is, and from how many resamples."""

    low: float
    high: float
    confidence: float
    resamples: int


def wilson_interval(hits: int, trials: int) -> tuple[float, float] | None:
    """The 95 % confidence interval of hits / trials (Wilson 1927); None without trials."""
    if trials == 0:
        return None
    share, square = hits / trials, NORMAL_95**2
    middle = (share + square / (2 * trials)) / (1 + square / trials)
    spread = share * (1 - share) / trials + square / (4 * trials**2)
    half = NORMAL_95 / (1 + square / trials) * math.sqrt(spread)
    return max(0.0, middle - half), min(1.0, middle + half)
