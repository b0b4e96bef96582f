"""When two answers about an image are the same."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from vistry.export.parity import difference_of


def difference(of_run: list[float], of_file: list[float], one_label: bool = True) -> Any:
    return difference_of(np.array(of_run, np.float32), np.array(of_file, np.float32), one_label=one_label)


def test_equal_answers() -> None:
    same = difference([0.7, 0.3], [0.7, 0.3])
    assert (same.largest, same.mean, same.same_answer, same.fault) == (0, 0, True, "")


@pytest.mark.parametrize(
    ("of_run", "of_file", "fault"),
    [
        ([0.7, 0.2, 0.1], [0.73, 0.17, 0.1], "a probability of 0.7300 in place of 0.7000"),
        ([0.515, 0.485], [0.499, 0.501], "another class is the likeliest"),
        ([0.5, 0.5], [np.nan, np.nan], "a probability of nan in place of 0.5000"),
        ([0.5, 0.5], [1.0], r"it has (1,) probabilities and not (2,)"),
    ],
)
def test_a_fault(of_run: list[float], of_file: list[float], fault: str) -> None:
    assert difference(of_run, of_file).fault == fault


def test_two_classes_that_are_nearly_even_may_change_places() -> None:
    one = difference([0.505, 0.495], [0.499, 0.501])
    assert (one.same_answer, one.fault) == (False, "")


def test_of_several_labels_each_is_held_to_its_own() -> None:
    assert difference([0.9, 0.3], [0.89, 0.31], one_label=False).same_answer
    changed = difference([0.505, 0.3], [0.495, 0.3], one_label=False)
    assert (changed.same_answer, changed.fault) == (False, "")
