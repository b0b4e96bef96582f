"""Durations as people write them: 90s, 30m, 2h, 1d, or seconds."""

from __future__ import annotations

import re

import click

_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}


class Duration(click.ParamType[float]):
    """Seconds from a text such as 30m."""

    name = "duration"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return the seconds that a text means, or fail with a usage error."""
        match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([smhd]?)\s*", str(value))
        if not match or float(match[1]) == 0:
            self.fail(f"expected a duration, got '{value}'; use 90s, 30m or 2h", param, ctx)
        return float(match[1]) * _SECONDS[match[2]]


time_limit = click.option("--time-limit", type=Duration(), help="Stop within this time: 90s, 30m, 2h.")
