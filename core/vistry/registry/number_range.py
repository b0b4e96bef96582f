"""Ranges of large numbers as people write them: "5M..30M"."""

from __future__ import annotations

import math
import re

from vistry.errors import RegistryError

_UNITS = {"": 1, "k": 10**3, "m": 10**6, "b": 10**9}
_BOUND = r"(?:(\d+(?:\.\d+)?)([kmb]?))?"
_RANGE = re.compile(rf"\s*{_BOUND}\.\.{_BOUND}\s*")


def number_range(name: str, text: str) -> tuple[float, float]:
    """Return both ends of a range, which belong to it. Raises RegistryError, which names the filter."""
    match = _RANGE.fullmatch(text.casefold())
    low, low_unit, high, high_unit = match.groups(default="") if match else ("",) * 4
    first = float(low) * _UNITS[low_unit] if low else 0.0
    last = float(high) * _UNITS[high_unit] if high else math.inf
    if not (low or high) or first > last:
        raise RegistryError(f"{name} = {text!r} must be a range such as '5M..30M', '..10M' or '1B..'")
    return first, last
