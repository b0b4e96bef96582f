"""Amounts as people write them, with a unit: 12M, 64MiB, 30ms."""

from __future__ import annotations

import re
from collections.abc import Mapping

import click

COUNTS = {"": 1, "k": 1e3, "M": 1e6, "B": 1e9}
BYTES = {
    "": 1,
    "B": 1,
    **{f"{letter}B": 1000**power for power, letter in enumerate("kMGT", start=1)},
    **{f"{letter}iB": 1024**power for power, letter in enumerate("KMGT", start=1)},
}
SECONDS = {"s": 1, "ms": 1e-3, "us": 1e-6, "": 1}


class Amount(click.ParamType[float]):
    """A number from a text such as 64MiB, in the unit that counts as 1."""

    name = "amount"

    def __init__(self, units: Mapping[str, float]):
        self._units = {unit.lower(): factor for unit, factor in units.items()}
        self._examples = ", ".join(f"12{unit}" for unit in units if unit)

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return what a text means, or fail with a usage error."""
        match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([A-Za-z]*)\s*", str(value))
        if not match or match[2].lower() not in self._units or float(match[1]) == 0:
            self.fail(f"expected an amount above 0 such as {self._examples}, got '{value}'", param, ctx)
        return float(match[1]) * self._units[match[2].lower()]
