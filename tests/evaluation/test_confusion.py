"""Confusion matrices against cases counted by hand."""

from __future__ import annotations

import numpy as np
from vistry.evaluation.confusion import Confusion, confusion_matrix, most_confused, most_mistaken

TARGETS, PREDICTED = np.array([0, 0, 1, 1, 2, 2, 2]), np.array([0, 1, 1, 1, 0, 0, 2])


def test_rows_are_the_truth() -> None:
    found = confusion_matrix(TARGETS, PREDICTED, 3)
    assert found.tolist() == [[1, 1, 0], [0, 2, 0], [2, 0, 1]]


def test_a_class_nobody_has_keeps_its_row_and_column() -> None:
    found = confusion_matrix(np.array([0]), np.array([0]), 3)
    assert found.tolist() == [[1, 0, 0], [0, 0, 0], [0, 0, 0]]


def test_no_images() -> None:
    assert confusion_matrix(np.array([], np.int64), np.array([], np.int64), 2).sum() == 0


def test_most_confused_leaves_out_what_is_right_and_what_never_happened() -> None:
    matrix = confusion_matrix(TARGETS, PREDICTED, 3)
    assert most_confused(matrix, 10) == [Confusion(2, 0, 2), Confusion(0, 1, 1)]
    assert most_confused(matrix, 1) == [Confusion(2, 0, 2)]
    assert most_confused(np.diag([3, 4]), 10) == []


def test_most_mistaken_counts_both_sides() -> None:
    matrix = np.array([[5, 0, 0, 1], [0, 5, 0, 0], [0, 3, 5, 0], [0, 0, 0, 5]])
    assert most_mistaken(matrix, 2).tolist() == [1, 2]
    assert most_mistaken(matrix, 9).tolist() == [0, 1, 2, 3]
