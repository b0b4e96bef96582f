"""How far apart two backends are in what they find, as `backends_agree` measures it."""

from __future__ import annotations

import math

import numpy as np
import pytest
from vistry.evaluation.detection.types import Detections
from vistry.testing.check import NothingToCheck
from vistry.testing.weights_checks import _detections_apart


def detections(*objects: tuple[float, float, float, float, float, int]) -> Detections:
    """Objects of x1, y1, x2, y2, score and label."""
    values = np.array(objects, np.float32).reshape(-1, 6)
    return Detections(values[:, :4], values[:, 4], values[:, 5].astype(np.int64))


LEFT, RIGHT = (0, 0, 40, 40, 0.5, 1), (50, 0, 100, 40, 0.5, 1)


def test_the_order_of_equal_scores_is_no_difference() -> None:
    assert _detections_apart([detections(LEFT, RIGHT), detections()], [detections(RIGHT, LEFT), detections()]) == 0


@pytest.mark.parametrize(
    ("other", "apart"),
    [
        (detections(LEFT, (50, 0, 99, 40, 0.5, 1)), 0.01),  # a pixel of 100
        (detections(LEFT, (50, 0, 100, 40, 0.3, 1)), 0.2),  # the score
        (detections(LEFT, (50, 0, 100, 40, 0.5, 0)), 1.0),  # the class
        (detections(LEFT), 0.6),  # RIGHT is there no more: LEFT's right edge is the nearest
        (detections(), math.inf),
    ],
)
def test_what_differs_counts_on_either_side(other: Detections, apart: float) -> None:
    both = detections(LEFT, RIGHT)
    assert _detections_apart([other], [both]) == pytest.approx(apart)
    if len(other.scores) == 2:
        assert _detections_apart([both], [other]) == pytest.approx(apart, rel=0.02)


def test_where_neither_finds_anything_there_is_nothing_to_compare() -> None:
    with pytest.raises(NothingToCheck, match="detects nothing in noise"):
        _detections_apart([detections()], [detections()])
