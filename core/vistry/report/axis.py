"""Axes, which map values to pixels and have ticks at round numbers."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Axis:
    """The values `low` to `high`, drawn from pixel `start` to pixel `end`.

    `whole`: whether ticks stand at whole numbers only, as for counts.
    """

    low: float
    high: float
    start: float
    end: float
    whole: bool = False

    def at(self, value: float) -> float:
        """Return the pixel of a value; a value beyond an end is drawn at that end."""
        value = min(max(value, self.low), self.high)
        return self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start)

    def ticks(self, about: int = 5) -> list[float]:
        """Return about this many round values within the axis."""
        step = _round_step((self.high - self.low) / about, self.whole)
        # The tolerance keeps a tick that rounding errors would move just beyond an end.
        first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
        return [round(index * step, 12) for index in range(first, last + 1)]


def _round_step(raw: float, whole: bool) -> float:
    """Return the next of 1, 2, 5 times a power of ten (Heckbert, Nice Numbers for Graph Labels, 1990)."""
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= raw * (1 - 1e-9))
    return max(1.0, step) if whole else step


def axis_around(values: list[float], start: float, end: float, *, from_zero: bool = False) -> Axis:
    """Return an axis with round ends that holds the values, and 0 with `from_zero`."""
    low, high = min(values, default=0.0), max(values, default=1.0)
    if from_zero:
        low = min(0.0, low)
    # Equal values get some room on both sides, so that the axis has a length.
    if high - low < 1e-12 * max(1.0, abs(high)):
        low, high = low - abs(low) / 4, high + (abs(high) / 4 or 1.0)
    step = _round_step((high - low) / 4, whole=False)
    return Axis(
        low=math.floor(low / step + 1e-9) * step, high=math.ceil(high / step - 1e-9) * step, start=start, end=end
    )


def tick_label(value: float) -> str:
    """Write the value of a tick in its shortest form."""
    return f"{value:.6g}"
