"""Predicted masks in the image, held against torchvision's own pasting."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pycocotools import mask as coco
from torchvision.models.detection.roi_heads import paste_masks_in_image
from vistry.data.masks.paste import paste, run_lengths

WIDTH, HEIGHT = 150, 130


def torchvision_paste(masks, boxes, width, height, threshold):
    """[K, H, W] bool."""
    paste = paste_masks_in_image(torch.from_numpy(masks)[:, None], torch.from_numpy(boxes), (height, width), padding=1)
    return (paste > threshold)[:, 0].numpy()


def in_image(window, width, height):
    inside, (left, top) = window
    image = np.zeros((height, width), dtype=bool)
    image[top : top + inside.shape[0], left : left + inside.shape[1]] = inside
    return image


def sigmoid(logits):
    return (1 / (1 + np.exp(-logits))).astype(np.float32)


def boxes_in(random, count, width, height, beyond):
    corners = random.uniform(-beyond, 1 + beyond, (count, 2, 2)) * (width, height)
    return np.sort(corners, axis=1).reshape(count, 4).astype(np.float32)


@pytest.mark.parametrize(("threshold", "side"), [(0.5, 28), (0.3, 28), (0.7, 14), (0.0, 7)])
def test_every_pixel_is_torchvisions(threshold, side):
    random = np.random.default_rng(side)
    masks = sigmoid(random.normal(0, 3, (60, side, side)))
    boxes = boxes_in(random, 60, WIDTH, HEIGHT, 0)
    theirs = torchvision_paste(masks, boxes, WIDTH, HEIGHT, threshold)
    for mask, box, expected in zip(masks, boxes, theirs, strict=True):
        assert np.array_equal(in_image(paste(mask, box, WIDTH, HEIGHT, threshold), WIDTH, HEIGHT), expected)


@pytest.mark.parametrize("steps", [1, 2, 3, 10])
def test_pixels_at_the_threshold_fall_on_torchvisions_side(steps):
    """Few different values: many interpolated ones are the threshold, but for the last bits of float32."""
    random = np.random.default_rng(steps)
    masks = (random.integers(0, steps + 1, (80, 28, 28)) / steps).astype(np.float32)
    masks[::2] = np.float32(0.3)
    boxes = boxes_in(random, 80, WIDTH, HEIGHT, 0)
    for threshold in (0.5, 0.3):
        theirs = torchvision_paste(masks, boxes, WIDTH, HEIGHT, threshold)
        for mask, box, expected in zip(masks, boxes, theirs, strict=True):
            assert np.array_equal(in_image(paste(mask, box, WIDTH, HEIGHT, threshold), WIDTH, HEIGHT), expected)


EDGES = st.tuples(st.floats(-60, 120, width=32), st.floats(0, 170, width=32))


@settings(max_examples=100)
@given(EDGES, EDGES, st.integers(0, 1000), st.integers(1, 64), st.integers(1, 64))
def test_boxes_partly_outside_are_cut_as_torchvision_does(across, down, seed, width, height):
    """Boxes wholly outside, which torchvision refuses, are empty."""
    mask = sigmoid(np.random.default_rng(seed).normal(0, 2, (1, 14, 14)))
    box = np.array([[across[0], down[0], across[0] + across[1], down[0] + down[1]]], np.float32)
    ours = in_image(paste(mask[0], box[0], width, height, 0.5), width, height)
    try:
        theirs = torchvision_paste(mask, box, width, height, 0.5)[0]
    except RuntimeError:
        theirs = np.zeros((height, width), dtype=bool)
    assert np.array_equal(ours, theirs)


@pytest.mark.parametrize("box", [(5, 5, 6, 6), (5.2, 5.2, 5.3, 5.3), (0, 0, 1, 1), (63, 47, 64, 48), (0, 0, 64, 48)])
def test_small_and_large_boxes(box):
    mask, corners = np.ones((1, 28, 28), np.float32), np.array([box], np.float32)
    ours = in_image(paste(mask[0], corners[0], 64, 48, 0.5), 64, 48)
    assert ours.any()
    assert np.array_equal(ours, torchvision_paste(mask, corners, 64, 48, 0.5)[0])


def test_run_lengths_are_pycocotools_of_the_whole_image():
    random = np.random.default_rng(0)
    masks, boxes = sigmoid(random.normal(0, 2, (40, 28, 28))), boxes_in(random, 40, 64, 48, 0)
    boxes[:3] = (0, 0, 64, 48), (10, 0, 30, 48), (0, 10, 64, 20)
    masks[:2], masks[3] = 1, 0
    theirs = torchvision_paste(masks, boxes, 64, 48, 0.5)
    for mask, box, expected in zip(masks, boxes, theirs, strict=True):
        assert run_lengths(mask, box, 64, 48, 0.5) == coco.encode(np.asfortranarray(expected, np.uint8))


def test_a_box_outside_has_an_empty_mask():
    mask, box = np.ones((28, 28), np.float32), np.array([-20, -20, -5, -5], np.float32)
    assert paste(mask, box, 64, 48, 0.5)[0].shape == (0, 0)
    assert run_lengths(mask, box, 64, 48, 0.5) == coco.encode(np.zeros((48, 64), np.uint8, order="F"))
