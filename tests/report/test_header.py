"""The top of the page."""

from __future__ import annotations

import pytest
from vistry.report.header import readable_time


@pytest.mark.parametrize(("stamp", "text"), [("2026-03-05T14:07:12+0000", "5 March 2026, 14:07"), ("then", "then")])
def test_readable_time(stamp: str, text: str) -> None:
    assert readable_time(stamp) == text
