"""Polygons filled again, and their number of points."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from pycocotools import mask as coco
from vistry.data.masks.polygons import rle_to_polygons, simplify
from vistry.data.masks.rle import rings_to_mask

MASKS = arrays(bool, array_shapes(min_dims=2, max_dims=2, max_side=12))


def encoded(mask):
    return coco.encode(np.asfortranarray(mask, np.uint8))


def filled(rings, shape):
    return rings_to_mask(rings, shape[1], shape[0], even_odd=True)


def overlap(one, other):
    return (one & other).sum() / (one | other).sum()


def smooth_shape(random, width=240, height=180):
    """A blob whose radius is a few waves around its centre."""
    y, x = np.mgrid[:height, :width]
    dx, dy = x - random.uniform(90, 150), y - random.uniform(70, 110)
    angle, radius = np.arctan2(dy, dx), random.uniform(25, 55)
    for wave in range(1, 5):
        radius = radius + random.uniform(0, 8 / wave) * np.cos(wave * angle + random.uniform(0, 6))
    return np.hypot(dx, dy) < radius


@settings(max_examples=100)
@given(MASKS)
def test_without_a_limit_the_rings_give_the_mask_again(mask):
    rings = rle_to_polygons(encoded(mask))
    assert np.array_equal(filled(rings, mask.shape), mask)


@settings(max_examples=100)
@given(MASKS, st.integers(3, 12))
def test_each_ring_keeps_to_the_limit_and_is_a_polygon(mask, limit):
    exact, simple = rle_to_polygons(encoded(mask)), rle_to_polygons(encoded(mask), limit)
    assert [min(len(ring), limit) for ring in exact] == [len(ring) for ring in simple]
    assert all(len(ring) >= 3 for ring in simple)
    if all(len(ring) <= limit for ring in exact):
        assert np.array_equal(filled(simple, mask.shape), mask)


def test_one_pixel_is_a_square():
    mask = np.zeros((6, 8), dtype=bool)
    mask[2, 5] = True
    (ring,) = rle_to_polygons(encoded(mask), 100)
    assert sorted(map(tuple, ring.tolist())) == [(5, 2), (5, 3), (6, 2), (6, 3)]


def test_nothing_has_no_polygon():
    assert rle_to_polygons(encoded(np.zeros((6, 8), dtype=bool)), 100) == []


def test_a_hole_stays_a_hole_when_simplified():
    y, x = np.mgrid[:120, :120]
    mask = (np.hypot(x - 60, y - 60) < 50) & (np.hypot(x - 55, y - 62) > 20)
    rings = rle_to_polygons(encoded(mask), 30)
    assert [len(ring) for ring in rings] == [30, 30]
    again = filled(rings, mask.shape)
    assert not again[62, 55]
    assert overlap(again, mask) > 0.96


@pytest.mark.parametrize(("limit", "least"), [(100, 0.98), (50, 0.96), (20, 0.9)])
def test_smooth_shapes_stay_themselves(limit, least):
    random = np.random.default_rng(limit)
    for _ in range(20):
        mask = smooth_shape(random)
        assert overlap(filled(rle_to_polygons(encoded(mask), limit), mask.shape), mask) > least


def test_a_larger_limit_is_nearer():
    mask = smooth_shape(np.random.default_rng(0))
    overlaps = [
        overlap(filled(rle_to_polygons(encoded(mask), limit), mask.shape), mask) for limit in (6, 12, 24, 48, 96)
    ]
    assert overlaps == sorted(overlaps)


def test_the_farthest_points_are_kept():
    """Corners of a square, and notches of 3, 2 and 1 pixels in its sides: the deepest come first."""
    ring = np.array([[0, 0], [15, 3], [30, 0], [28, 15], [30, 30], [15, 29], [0, 30]], dtype=np.float64)
    assert simplify(ring, 6).tolist() == np.delete(ring, 5, axis=0).tolist()
    assert simplify(ring, 5).tolist() == np.delete(ring, [3, 5], axis=0).tolist()
    assert simplify(ring, 4).tolist() == ring[[0, 2, 4, 6]].tolist()


def test_a_ring_that_comes_back_to_a_point():
    ring = np.array([[0, 0], [4, 0], [4, 4], [0, 0], [-4, 0], [-4, -4]], dtype=np.float64)
    assert len(simplify(ring, 4)) == 4


def textbook(points, tolerance):
    """The recursive algorithm on an open line: its ends, and what is farther than the tolerance from a side."""
    if len(points) < 3:
        return points
    start, end = np.array(points[0]), np.array(points[-1])
    along = (end - start) / np.sum((end - start) ** 2)
    feet = [start + (end - start) * min(1, max(0, (point - start) @ along)) for point in points[1:-1]]
    distances = [np.linalg.norm(point - foot) for point, foot in zip(points[1:-1], feet, strict=True)]
    farthest = int(np.argmax(distances)) + 1
    if distances[farthest - 1] <= tolerance:
        return [points[0], points[-1]]
    return textbook(points[: farthest + 1], tolerance)[:-1] + textbook(points[farthest:], tolerance)


@pytest.mark.parametrize("tolerance", [1.3, 2.1, 4.7])
def test_the_limit_stands_for_a_tolerance(tolerance):
    """With as many points as the algorithm with a tolerance keeps, the same ones are kept."""
    random = np.random.default_rng(5)
    angle, radius = np.sort(random.uniform(0, 2 * np.pi, 300)), random.uniform(40, 50, 300)
    ring = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)
    opposite = int(np.linalg.norm(ring - ring[0], axis=1).argmax())
    points = [*ring, ring[0]]
    kept = textbook(points[: opposite + 1], tolerance)[:-1] + textbook(points[opposite:], tolerance)[:-1]
    assert 10 < len(kept) < len(ring)
    assert simplify(ring, len(kept)).tolist() == np.array(kept).tolist()
