from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from vistry.data.checks.crossing import crossing_rings
from vistry.data.offsets import offsets_from_counts

POINTS = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=3, max_size=8)


def crosses(ring):
    """By exact integers, one pair of edges after the other."""

    def side(a, b, c):
        return np.sign((b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]))

    edges = list(zip(ring, [*ring[1:], ring[0]], strict=True))
    return any(
        side(*one, other[0]) * side(*one, other[1]) < 0 and side(*other, one[0]) * side(*other, one[1]) < 0
        for one, other in combinations(edges, 2)
    )


@settings(max_examples=100)
@given(st.lists(POINTS, min_size=1, max_size=5), st.sampled_from([0, 0.5, 4000]))
def test_rings_that_cross_themselves_are_found(rings, offset):
    points = np.array([point for ring in rings for point in ring], dtype=np.float32) + np.float32(offset)
    found = crossing_rings(offsets_from_counts([len(ring) for ring in rings]), points)
    assert found.tolist() == [crosses(ring) for ring in rings]


@pytest.mark.parametrize("count", [4, 300])
def test_a_circle_does_not_cross_itself_and_an_eight_does(count):
    turns = np.linspace(0, 2 * np.pi, count, endpoint=False) + 0.1
    circle = np.stack([np.cos(turns), np.sin(turns)], axis=1) * 100 + 300
    eight = np.stack([np.cos(turns), np.sin(2 * turns)], axis=1) * 100 + 300
    found = crossing_rings(offsets_from_counts([count, count]), np.concatenate([circle, eight]).astype(np.float32))
    assert found.tolist() == [False, True]
