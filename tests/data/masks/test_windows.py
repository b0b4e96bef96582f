"""Windows of masks and run lengths of the whole image, held against pycocotools."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from pycocotools import mask as coco
from vistry.data.masks.windows import rle_to_window, window_to_rle

MASKS = arrays(bool, array_shapes(min_dims=2, max_dims=2, max_side=12))
MARGINS = st.tuples(*[st.integers(0, 4)] * 4)


@settings(max_examples=100)
@given(MASKS, MARGINS)
def test_run_lengths_of_a_window_are_those_of_the_image(inside, margins):
    left, right, top, bottom = margins
    image = np.pad(inside, ((top, bottom), (left, right)))
    height, width = image.shape
    expected = coco.encode(np.asfortranarray(image, np.uint8))
    assert window_to_rle((inside, (left, top)), width, height) == expected


@settings(max_examples=100)
@given(MASKS)
def test_the_window_is_the_smallest(mask):
    inside, (left, top) = rle_to_window(coco.encode(np.asfortranarray(mask, np.uint8)))
    again = np.zeros_like(mask)
    again[top : top + inside.shape[0], left : left + inside.shape[1]] = inside
    assert np.array_equal(again, mask)
    rows = mask.any(axis=1).nonzero()[0]
    assert inside.shape[0] == (rows[-1] - rows[0] + 1 if len(rows) else 0)
