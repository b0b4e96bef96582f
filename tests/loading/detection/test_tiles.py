"""Tiles by the rule's own example and its properties; merging against the definition, written down plainly."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torchvision.ops import batched_nms
from vistry.loading.detection import tiles
from vistry.loading.detection.sample import DetectionSample
from vistry.loading.detection.tiles import nms_across_tiles, tile_boxes, tile_sample, tiles_with_objects
from vistry.registry.tile_grid import TileGrid


def test_the_example_of_the_rule():
    found = tile_boxes(1000, 800, TileGrid(3, 2), 0.25)
    left, right = [0, 300, 600] * 2, [400, 700, 1000] * 2
    top, bottom = [0] * 3 + [343] * 3, [457] * 3 + [800] * 3
    np.testing.assert_array_equal(found, np.array([left, top, right, bottom]).T)


def test_without_overlap_tiles_part_the_image():
    assert tile_boxes(10, 4, TileGrid(2, 1), 0).tolist() == [[0, 0, 5, 4], [5, 0, 10, 4]]


GRIDS = (
    st.tuples(st.integers(1, 7), st.integers(1, 7)).filter(lambda sides: sides != (1, 1)).map(lambda a: TileGrid(*a))
)


@settings(max_examples=200)
@given(st.integers(1, 90), st.integers(1, 90), GRIDS, st.floats(0, 0.99))
def test_tiles_lie_in_the_image_and_cover_it(width, height, grid, overlap):
    found = tile_boxes(width, height, grid, overlap)
    covered = np.zeros((height, width), dtype=bool)
    for left, top, right, bottom in found.tolist():
        assert 0 <= left < right <= width
        assert 0 <= top < bottom <= height
        covered[top:bottom, left:right] = True
    assert covered.all()
    assert len(found) <= grid.columns * grid.rows
    if width >= 2 * grid.columns and height >= 2 * grid.rows:
        assert len(found) == grid.columns * grid.rows


@settings(max_examples=100)
@given(st.integers(200, 4000), GRIDS, st.floats(0, 0.9))
def test_neighbours_overlap_by_the_ratio(width, grid, overlap):
    found = tile_boxes(width, 4000, grid, overlap)[: grid.columns]
    sides = found[:, 2] - found[:, 0]
    assert np.ptp(sides) <= 1
    shared = found[:-1, 2] - found[1:, 0]
    np.testing.assert_allclose(shared, overlap * sides[1:], atol=2)


def sample_with(boxes, width=100, height=80):
    count = len(boxes)
    pixels = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    corners = np.array(boxes, dtype=np.float32).reshape(-1, 4)
    return DetectionSample(pixels, corners, np.arange(count), np.arange(count) % 2 == 1)


def test_a_tile_is_a_sample_with_the_objects_it_shows():
    boxes = [
        [10, 10, 90, 20],  # reaches across: clipped on both sides
        [45, 50, 55, 60],  # inside, a crowd
        [20, 10, 40.5, 60],  # half a pixel inside: not shown
        [20, 10, 41, 60],  # a pixel inside, a crowd
        [41, 79.5, 60, 99],  # half a pixel high
        [70, 10, 90, 20],  # beside
    ]
    sample = sample_with(boxes)
    tile = tile_sample(sample, np.array([40, 5, 60, 80]))
    np.testing.assert_array_equal(tile.pixels, sample.pixels[5:80, 40:60])
    assert tile.labels.tolist() == [0, 1, 3]
    assert tile.crowd.tolist() == [False, True, True]
    assert tile.boxes.tolist() == [[0, 5, 20, 15], [5, 45, 15, 55], [0, 5, 1, 55]]


@settings(max_examples=100)
@given(st.integers(0, 2**32), GRIDS, st.floats(0, 0.9))
def test_a_tile_has_objects_where_its_sample_has(seed, grid, overlap):
    random = np.random.default_rng(seed)
    corner = random.uniform(0, 70, (random.integers(0, 4), 2))
    sample = sample_with(np.hstack([corner, corner + random.uniform(0.1, 10, corner.shape)]))
    windows = tile_boxes(100, 80, grid, overlap)
    counts = [len(tile_sample(sample, window).labels) for window in windows]
    assert tiles_with_objects(sample.boxes, windows).tolist() == [count > 0 for count in counts]


def test_an_image_without_objects_has_no_tile_with_objects():
    windows = tile_boxes(100, 80, TileGrid(3, 2), 0.25)
    assert tiles_with_objects(np.zeros((0, 4), np.float32), windows).tolist() == [False] * 6
    assert tile_sample(sample_with([]), windows[4]).boxes.shape == (0, 4)


def scene(seed, count, labels, tiles_in_all, size=40):
    """Boxes in quarters of a pixel, so that sums are exact, with many equal scores."""
    random = np.random.default_rng(seed)
    corner = random.integers(0, 4 * size, (count, 2)) / 4
    boxes = np.hstack([corner, corner + random.integers(0, 80, (count, 2)) / 4]).astype(np.float32)
    scores = (random.integers(0, 20, count) / 20).astype(np.float32)
    return boxes, scores, random.integers(0, labels, count), random.integers(0, tiles_in_all, count)


def iou_of(one, other):
    wide = min(one[2], other[2]) - max(one[0], other[0])
    high = min(one[3], other[3]) - max(one[1], other[1])
    shared = max(wide, 0) * max(high, 0)
    union = (one[2] - one[0]) * (one[3] - one[1]) + (other[2] - other[0]) * (other[3] - other[1]) - shared
    return shared / union if union > 0 else 0.0


def merged_by_definition(boxes, scores, labels, tile_of, iou):
    kept = []
    for box in sorted(range(len(boxes)), key=lambda index: (-scores[index], index)):
        rivals = [better for better in kept if labels[better] == labels[box] and tile_of[better] != tile_of[box]]
        if all(iou_of(boxes[box], boxes[better]) <= iou for better in rivals):
            kept.append(box)
    return kept


@settings(max_examples=200)
@given(
    st.integers(0, 2**32), st.integers(0, 40), st.integers(1, 3), st.integers(1, 4), st.sampled_from([0, 0.25, 0.5, 1])
)
def test_merged_as_the_definition_says(seed, count, labels, tiles_in_all, iou):
    found = scene(seed, count, labels, tiles_in_all)
    expected = merged_by_definition(*(column.tolist() for column in found), iou)
    assert nms_across_tiles(*found, iou).tolist() == expected


def test_many_pairs_are_looked_at_in_parts(monkeypatch):
    found = scene(0, 300, 2, 4)
    at_once = nms_across_tiles(*found, 0.25)
    monkeypatch.setattr(tiles, "PAIRS_AT_ONCE", 50)
    assert nms_across_tiles(*found, 0.25).tolist() == at_once.tolist()
    assert len(at_once) < 250


@settings(max_examples=50)
@given(st.integers(0, 2**32), st.integers(1, 60), st.sampled_from([0.25, 0.5, 0.7]))
def test_with_a_tile_for_each_box_it_is_non_maximum_suppression(seed, count, iou):
    boxes, _, labels, _ = scene(seed, count, 3, 1)
    scores = np.random.default_rng(seed).permutation(count).astype(np.float32) / count
    theirs = batched_nms(*(torch.from_numpy(column) for column in (boxes, scores, labels)), iou)
    assert nms_across_tiles(boxes, scores, labels, np.arange(count), iou).tolist() == theirs.tolist()


def test_within_a_tile_nothing_is_removed():
    boxes, scores, labels, _ = scene(1, 100, 1, 1, size=10)
    one_tile = np.zeros(100, dtype=np.int64)
    assert (
        nms_across_tiles(boxes, scores, labels, one_tile, 0.25).tolist() == np.argsort(-scores, kind="stable").tolist()
    )


def test_a_removed_box_removes_none():
    """A over B over C in three tiles: A removes B, so that C, which only B overlaps, stays."""
    boxes = np.array([[0, 0, 10, 10], [4, 0, 14, 10], [8, 0, 18, 10]], dtype=np.float32)
    scores, labels = np.array([0.9, 0.8, 0.7], dtype=np.float32), np.zeros(3, dtype=np.int64)
    assert nms_across_tiles(boxes, scores, labels, np.arange(3), 0.25).tolist() == [0, 2]
    assert nms_across_tiles(boxes, scores, np.array([0, 1, 0]), np.arange(3), 0.25).tolist() == [0, 1, 2]


def test_an_overlap_of_the_threshold_is_not_above_it():
    boxes = np.array([[0, 0, 4, 4], [0, 0, 4, 1]], dtype=np.float32)
    columns = boxes, np.ones(2, dtype=np.float32), np.zeros(2, dtype=np.int64), np.arange(2)
    assert nms_across_tiles(*columns, 0.25).tolist() == [0, 1]
    assert nms_across_tiles(*columns, 0.249).tolist() == [0]
