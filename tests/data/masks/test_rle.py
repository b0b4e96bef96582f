"""Masks against pycocotools, whose rules the COCO metrics follow."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from pycocotools import mask as peer
from vistry.data.masks.contours import mask_to_outlines
from vistry.data.masks.rle import (
    area_of_runs,
    box_of_runs,
    mask_to_runs,
    rings_to_mask,
    runs_to_mask,
    runs_to_text,
    text_to_runs,
)

MASKS = st.tuples(st.integers(1, 12), st.integers(1, 12)).flatmap(lambda shape: arrays(bool, shape))


@settings(max_examples=200)
@given(MASKS)
def test_run_lengths_are_those_of_pycocotools(mask):
    theirs = peer.encode(np.asfortranarray(mask.astype(np.uint8)))
    runs = mask_to_runs(mask)
    assert runs_to_text(runs) == theirs["counts"].decode()
    assert text_to_runs(theirs["counts"].decode()).tolist() == runs.tolist()
    assert np.array_equal(runs_to_mask(runs, mask.shape[0]), mask)
    assert area_of_runs(runs) == peer.area(theirs) == mask.sum()


@settings(max_examples=200)
@given(MASKS)
def test_the_box_of_a_mask(mask):
    rows, columns = np.nonzero(mask.any(axis=1))[0], np.nonzero(mask.any(axis=0))[0]
    edges = (columns[0], rows[0], columns[-1] + 1, rows[-1] + 1) if mask.any() else (0, 0, 0, 0)
    assert box_of_runs(mask_to_runs(mask), mask.shape[0]) == edges


def test_runs_of_no_length_are_no_part_of_the_box():
    assert box_of_runs(np.array([2, 0, 1, 3, 6], dtype=np.uint32), 4) == (0, 0, 2, 4)
    assert box_of_runs(np.array([12], dtype=np.uint32), 4) == (0, 0, 0, 0)


@settings(max_examples=100)
@given(st.lists(st.integers(0, 2**32 - 1), max_size=12))
def test_run_lengths_as_text_come_back(runs):
    assert text_to_runs(runs_to_text(np.array(runs, dtype=np.uint32))).tolist() == runs


@pytest.mark.parametrize("text", ["é", "~", "P", "1 2", "o" * 20 + "0", "0000/"])
def test_an_invalid_text_of_run_lengths(text):
    with pytest.raises(ValueError, match="in a COCO RLE string"):
        text_to_runs(text)


RINGS = st.lists(
    st.lists(st.tuples(st.floats(-3, 23), st.floats(-3, 23)), min_size=3, max_size=7).map(np.array),
    min_size=1,
    max_size=3,
)


@settings(max_examples=100)
@given(RINGS)
def test_polygons_are_filled_as_pycocotools_merges_them(rings):
    flat = [ring.reshape(-1).tolist() for ring in rings]
    theirs = peer.merge(peer.frPyObjects(flat, 18, 20))
    assert runs_to_text(mask_to_runs(rings_to_mask(rings, 20, 18))) == theirs["counts"].decode()


def test_an_inner_ring_is_a_hole_where_rings_cancel_out():
    outer, inner = np.array([[1, 1], [9, 1], [9, 9], [1, 9]]), np.array([[3, 3], [6, 3], [6, 6], [3, 6]])
    assert rings_to_mask([outer, inner], 10, 10).sum() == 64
    assert rings_to_mask([outer, inner], 10, 10, even_odd=True).sum() == 64 - 9
    assert rings_to_mask([], 4, 3).shape == (3, 4)


@settings(max_examples=200)
@given(MASKS)
def test_the_outlines_of_a_mask_give_the_mask_again(mask):
    height, width = mask.shape
    rings = mask_to_outlines(mask)
    assert np.array_equal(rings_to_mask(rings, width, height, even_odd=True), mask)


def test_the_outline_of_a_rectangle_has_four_corners():
    mask = np.zeros((6, 7), dtype=bool)
    mask[1:4, 2:6] = True
    (ring,) = mask_to_outlines(mask)
    assert sorted(map(tuple, ring.tolist())) == [(2, 1), (2, 4), (6, 1), (6, 4)]
