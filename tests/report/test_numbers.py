"""Numbers as a person reads them."""

from __future__ import annotations

import math

import pytest
from vistry.report.numbers import count, duration, percent, score


def test_numbers() -> None:
    assert (score(None), score(math.nan), score(0.5)) == ("\N{EN DASH}", "\N{EN DASH}", "0.500")
    assert (count(1, "class", "classes"), count(1204, "image")) == ("1 class", "1,204 images")
    assert percent(0.1234) == "12.3\N{NO-BREAK SPACE}%"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0s"), (59.4, "59s"), (59.6, "1m00s"), (192, "3m12s"), (3599.4, "59m59s"), (3600, "1h00m"), (7530, "2h05m")],
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text
