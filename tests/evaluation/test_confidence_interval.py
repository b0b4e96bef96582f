"""The interval against the figures Wilson's formula gives."""

from __future__ import annotations

import pytest
from vistry.evaluation.confidence_interval import wilson_interval


def test_known_figures() -> None:
    assert wilson_interval(8, 10) == pytest.approx((0.4902, 0.9433), abs=1e-4)
    assert wilson_interval(0, 10) == pytest.approx((0, 0.2775), abs=1e-4)
    assert wilson_interval(10, 10) == pytest.approx((0.7225, 1), abs=1e-4)


def test_nothing_was_tried() -> None:
    assert wilson_interval(0, 0) is None
