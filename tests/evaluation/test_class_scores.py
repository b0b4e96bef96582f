"""Scores of each class and at each threshold, by hand."""

from __future__ import annotations

import numpy as np
import pytest
from vistry.evaluation.class_scores import ClassScores, class_scores, scan_thresholds

TRUTH = np.array([[1, 0, 0], [1, 1, 0], [0, 0, 0], [0, 1, 0]], bool)
PROBABILITIES = np.array([[0.9, 0.205, 0.1], [0.4, 0.8, 0.1], [0.7, 0.1, 0.6], [0.1, 0.305, 0.1]], np.float32)
THRESHOLDS = np.arange(1, 100) / 100


def test_scores_by_hand() -> None:
    found = class_scores(TRUTH, PROBABILITIES > 0.5)
    assert found[0] == ClassScores(2, 2, 0.5, 0.5, 0.5)
    assert found[1] == ClassScores(2, 1, 1.0, 0.5, pytest.approx(2 / 3))


def test_what_is_undefined_is_none() -> None:
    assert class_scores(TRUTH, PROBABILITIES > 0.5)[2] == ClassScores(0, 1, 0.0, None, 0.0)
    assert class_scores(TRUTH, PROBABILITIES > 0.65)[2] == ClassScores(0, 0, None, None, None)


def test_the_best_threshold_is_the_middle_of_equals() -> None:
    scan = scan_thresholds(TRUTH, PROBABILITIES, THRESHOLDS)
    assert scan.best(1) == (0.26, 1.0)
    assert scan.best(2) is None


def test_f1_at_one_half() -> None:
    scan = scan_thresholds(TRUTH, PROBABILITIES, np.array([0.5]))
    assert scan.by_class[0, :2].tolist() == pytest.approx([0.5, 2 / 3])
    assert np.isnan(scan.by_class[0, 2])
    assert scan.macro.tolist() == pytest.approx([(0.5 + 2 / 3) / 2])
    assert scan.micro.tolist() == pytest.approx([2 * 2 / (4 + 4)])


def test_no_label_at_all() -> None:
    scan = scan_thresholds(np.zeros((1, 2), bool), np.full((1, 2), 0.5), THRESHOLDS)
    assert np.isnan(scan.macro).all()
    assert np.isnan(scan.micro).all()
    assert scan.best(0) is None
