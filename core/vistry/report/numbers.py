"""Numbers as a person reads them."""

from __future__ import annotations

import math

UNDEFINED = "\N{EN DASH}"


def score(value: float | None, digits: int = 3) -> str:
    """Write a metric with fixed digits, or a dash if it is undefined."""
    return UNDEFINED if value is None or math.isnan(value) else f"{value:.{digits}f}"


def percent(share: float) -> str:
    """Write a share in [0, 1] in per cent, with one digit."""
    return f"{100 * share:.1f}\N{NO-BREAK SPACE}%"


def count(number: int, singular: str, plural: str | None = None) -> str:
    """Write a number with its noun: 1 image, 1,204 images."""
    return f"{number:,} {singular if number == 1 else plural or singular + 's'}"


def duration(seconds: float) -> str:
    """Write seconds in a short form: 8s, 3m12s, 2h05m."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02d}s"
    return f"{whole // 3600}h{whole % 3600 // 60:02d}m"
