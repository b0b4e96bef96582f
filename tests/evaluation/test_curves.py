"""Curves against cases worked out by hand, and against scikit-learn."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics
from vistry.evaluation.curves import precision_recall, roc

TRUTH, SCORES = np.array([True, False, True, False]), np.array([0.9, 0.7, 0.4, 0.1], np.float32)


def test_roc_by_hand() -> None:
    found = roc(TRUTH, SCORES)
    assert found is not None
    assert found.x.tolist() == [0, 0, 0.5, 0.5, 1]
    assert found.y.tolist() == [0, 0.5, 0.5, 1, 1]
    assert found.area == 0.75


def test_precision_recall_by_hand() -> None:
    found = precision_recall(TRUTH, SCORES)
    assert found is not None
    assert found.x.tolist() == [0, 0.5, 0.5, 1, 1]
    assert found.y.tolist() == pytest.approx([1, 1, 1 / 2, 2 / 3, 2 / 4])
    assert found.area == pytest.approx(0.5 * 1 + 0.5 * 2 / 3)


def test_equal_scores_are_one_point() -> None:
    found = roc(TRUTH, np.full(4, 0.5, np.float32))
    assert found is not None
    assert found.x.tolist() == [0, 1]
    assert found.area == 0.5


@pytest.mark.parametrize("truth", [[], [False], [False, False]])
def test_without_a_positive_both_are_undefined(truth: list[bool]) -> None:
    scores = np.linspace(0, 1, len(truth), dtype=np.float32)
    assert roc(np.array(truth, bool), scores) is None
    assert precision_recall(np.array(truth, bool), scores) is None


def test_without_a_negative_only_roc_is_undefined() -> None:
    truth, scores = np.array([True]), np.array([0.3], np.float32)
    assert roc(truth, scores) is None
    found = precision_recall(truth, scores)
    assert found is not None
    assert found.area == 1


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 8)), min_size=2, max_size=30))
def test_areas_are_those_of_scikit_learn(pairs: list[tuple[bool, int]]) -> None:
    truth = np.array([True, False, *(pair[0] for pair in pairs)])
    scores = np.array([3, 5, *(pair[1] for pair in pairs)], np.float32) / 8
    first, second = roc(truth, scores), precision_recall(truth, scores)
    assert first is not None
    assert second is not None
    assert first.area == pytest.approx(metrics.roc_auc_score(truth, scores))
    assert second.area == pytest.approx(metrics.average_precision_score(truth, scores))


def noisy(images: int) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.float64]]:
    random = np.random.default_rng(0)
    truth = random.random(images) < 0.3
    return truth, truth + random.normal(size=images)


def test_a_thinned_curve_keeps_its_ends_its_area_and_its_shape() -> None:
    whole = roc(*noisy(5000))
    assert whole is not None
    thin = whole.thin(100)
    assert len(thin.x) <= 100
    assert (thin.x[0], thin.y[0], thin.x[-1], thin.y[-1]) == (0, 0, 1, 1)
    assert thin.area == whole.area
    assert np.trapezoid(thin.y, thin.x) == pytest.approx(whole.area, abs=0.005)
    assert whole.thin(10**6) is whole
