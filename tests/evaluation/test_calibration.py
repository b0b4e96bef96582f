"""The reliability diagram against a case worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
from vistry.evaluation.calibration import reliability


def test_by_hand() -> None:
    probabilities = np.array([0.82, 0.55, 0.85, 0.75, 0.97, 0.92], np.float32)
    found = reliability(probabilities, np.array([True, False, True, True, True, False]))
    assert found.counts.tolist() == [0, 0, 0, 0, 0, 1, 0, 1, 2, 2]
    assert found.confidence[8] == pytest.approx(0.835)
    assert found.accuracy[[5, 7, 8, 9]].tolist() == [0, 1, 1, 0.5]
    assert np.isnan(found.accuracy[0])
    assert found.error == pytest.approx((0.55 + 0.25 + 2 * 0.165 + 2 * 0.445) / 6)


def test_a_bin_is_closed_above() -> None:
    found = reliability(np.array([0.0, 0.25, 0.5, 0.500001, 1.0]), np.ones(5, bool), bins=2)
    assert found.counts.tolist() == [3, 2]


def test_one_prediction() -> None:
    found = reliability(np.array([0.7]), np.array([True]))
    assert found.error == pytest.approx(0.3)


def test_no_prediction() -> None:
    found = reliability(np.array([]), np.array([], bool))
    assert found.error is None
    assert found.counts.sum() == 0
