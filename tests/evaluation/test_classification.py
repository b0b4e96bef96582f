"""Classification metrics against cases worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from vistry.evaluation.classification import log_loss, multiclass_metrics, multilabel_metrics


def test_multiclass_by_hand() -> None:
    probabilities = np.array([[0.7, 0.2, 0.1], [0.1, 0.8, 0.1], [0.5, 0.3, 0.2], [0.2, 0.2, 0.6]], np.float32)
    found = multiclass_metrics(probabilities, np.array([0, 1, 1, 2]), 3)
    assert found["accuracy"] == 0.75
    assert found["recall_score_macro"] == pytest.approx((1 + 0.5 + 1) / 3)
    assert found["precision_score_macro"] == pytest.approx((0.5 + 1 + 1) / 3)
    assert found["precision_score_weighted"] == pytest.approx((0.5 + 2 * 1 + 1) / 4)
    assert found["f1_score_micro"] == 0.75
    loss = log_loss(list(probabilities), np.array([0, 1, 1, 2]), ["a", "b", "c"])
    assert loss == pytest.approx(-np.log([0.7, 0.8, 0.3, 0.6]).mean(), rel=1e-6)
    assert found["norm_macro_recall"] == pytest.approx((2.5 / 3 - 1 / 3) / (2 / 3))


def test_auc_counts_pairs_in_the_right_order() -> None:
    probabilities = np.array([[0.9, 0.1], [0.4, 0.6], [0.3, 0.7], [0.2, 0.8]], np.float32)
    found = multiclass_metrics(probabilities, np.array([0, 1, 0, 1]), 2)
    assert found["AUC_macro"] == pytest.approx(3 / 4)


def test_multilabel_by_hand() -> None:
    probabilities = np.array([[0.9, 0.6, 0.1], [0.2, 0.7, 0.4], [0.1, 0.1, 0.1]], np.float32)
    targets = np.array([[1, 0, 0], [0, 1, 1], [0, 0, 0]], np.float32)
    found = multilabel_metrics(probabilities, targets)
    assert found["iou"] == pytest.approx((1 / 2 + 1 / 2 + 1) / 3)
    assert found["accuracy"] == pytest.approx(1 / 3)
    assert found["iou_micro"] == pytest.approx(2 / 4)
    assert found["iou_macro"] == pytest.approx((1 + 1 / 2 + 0) / 3)
    assert found["precision_score_micro"] == pytest.approx(2 / 3)
    assert found["recall_score_micro"] == pytest.approx(2 / 3)


def test_one_half_is_not_above_one_half() -> None:
    found = multilabel_metrics(np.array([[0.5, 0.9]], np.float32), np.array([[0, 1]], np.float32))
    assert found["iou"] == 1


def test_a_class_absent_from_the_data_has_no_ranking_and_breaks_nothing() -> None:
    probabilities = np.array([[0.6, 0.3, 0.1], [0.3, 0.6, 0.1]], np.float32)
    found = multiclass_metrics(probabilities, np.array([0, 1]), 3)
    assert found["AUC_macro"] == 1
    only_one = multiclass_metrics(probabilities, np.array([0, 0]), 3)
    assert "AUC_macro" not in only_one
    assert only_one["accuracy"] == 0.5


def test_a_certain_mistake_costs_a_finite_loss() -> None:
    found = log_loss([np.array([1.0, 0.0], np.float32)], np.array([1]), ["a", "b"])
    assert found == pytest.approx(-math.log(1e-7))


@given(
    arrays.arrays(np.float32, (6, 4), elements=st.floats(0.015625, 1, width=32)),
    st.lists(st.integers(0, 3), min_size=6, max_size=6),
)
def test_metrics_stay_in_their_ranges(scores: np.ndarray, targets: list[int]) -> None:
    probabilities = scores / scores.sum(axis=1, keepdims=True)
    found = multiclass_metrics(probabilities.astype(np.float32), np.array(targets), 4)
    for name, value in found.items():
        assert 0 <= value <= 1 + 1e-9, name
    assert 0 <= log_loss(list(probabilities), np.array(targets), list("abcd")) <= 20
