"""Numbers as the page writes them."""

from __future__ import annotations

import math

UNDEFINED = "\N{EN DASH}"


def score(value: float | None, digits: int = 3) -> str:
    """A metric with fixed digits, or a dash where it is undefined."""
    return UNDEFINED if value is None or math.isnan(value) else f"{value:.{digits}f}"


def percent(share: float) -> str:
    """A share of 1 in per cent, with one digit."""
    return f"{100 * share:.1f}\N{NO-BREAK SPACE}%"


def count(number: int, singular: str, plural: str | None = None) -> str:
    """A number with its noun: 1 image, 1,204 images."""
    return f"{number:,} {singular if number == 1 else plural or singular + 's'}"


def duration(seconds: float) -> str:
    """Seconds in the shortest form a person reads at a glance: 8s, 3m12s, 2h05m."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02d}s"
    return f"{whole // 3600}h{whole % 3600 // 60:02d}m"
