"""The geometry of a sample, held against torchvision's transforms."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torchvision import tv_tensors
from torchvision.transforms import InterpolationMode
from torchvision.transforms.v2 import functional
from vistry.data.masks.rle import box_of_runs, mask_to_runs
from vistry.loading.detection.sample import DetectionSample


@st.composite
def samples(draw, masks=False):
    """Up to five objects in quarters of a pixel; labels number them, and a mask is every pixel its box touches."""
    width, height, count = draw(st.integers(1, 40)), draw(st.integers(1, 40)), draw(st.integers(0, 5))
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    pixels = random.integers(0, 256, (height, width, 3), dtype=np.uint8)
    boxes = np.array([box_in(random, width, height) for _ in range(count)], dtype=np.float32).reshape(-1, 4)
    filled = np.zeros((count, height, width), dtype=bool)
    for mask, (x1, y1, x2, y2) in zip(filled, boxes, strict=True):
        mask[int(y1) : int(np.ceil(y2)), int(x1) : int(np.ceil(x2))] = True
    crowd = random.random(count) < 0.2
    return DetectionSample(pixels, boxes, np.arange(count), crowd, filled if draw(st.booleans()) or masks else None)


def box_in(random, width, height):
    x1, x2 = np.sort(random.choice(4 * width + 1, 2, replace=False)) / 4
    y1, y2 = np.sort(random.choice(4 * height + 1, 2, replace=False)) / 4
    return x1, y1, x2, y2


def tensors(sample):
    """The sample as torchvision's types."""
    size = (sample.height, sample.width)
    image = tv_tensors.Image(torch.from_numpy(sample.pixels.copy()).permute(2, 0, 1))
    boxes = tv_tensors.BoundingBoxes(torch.from_numpy(sample.boxes), format="XYXY", canvas_size=size)
    return image, boxes, tv_tensors.Mask(torch.from_numpy(sample.masks))


def visible(boxes, masks):
    """Which objects torchvision leaves some area and some pixel of their mask."""
    corners = boxes.numpy()
    return (corners[:, 2:] > corners[:, :2]).all(axis=1) & masks.numpy().any(axis=(1, 2))


def assert_same_objects(sample, boxes, masks):
    kept = visible(boxes, masks)
    np.testing.assert_allclose(sample.boxes, boxes.numpy()[kept], rtol=1e-6, atol=1e-5)
    np.testing.assert_array_equal(sample.masks, masks.numpy()[kept])
    np.testing.assert_array_equal(sample.labels, np.flatnonzero(kept))


@settings(max_examples=100)
@given(samples(masks=True))
def test_flipped_as_torchvision_flips(sample):
    image, boxes, masks = (functional.horizontal_flip(part) for part in tensors(sample))
    flipped = sample.flip()
    np.testing.assert_array_equal(flipped.pixels, image.permute(1, 2, 0).numpy())
    assert_same_objects(flipped, boxes, masks)


@settings(max_examples=100)
@given(samples())
def test_flipped_twice_is_the_same(sample):
    again = sample.flip().flip()
    np.testing.assert_array_equal(again.pixels, sample.pixels)
    np.testing.assert_array_equal(again.boxes, sample.boxes)
    assert again.masks is sample.masks is None or np.array_equal(again.masks, sample.masks)


@settings(max_examples=200)
@given(samples(masks=True), st.data())
def test_cropped_as_torchvision_crops(sample, data):
    left, top = data.draw(st.integers(0, sample.width - 1)), data.draw(st.integers(0, sample.height - 1))
    right = data.draw(st.integers(left + 1, sample.width))
    bottom = data.draw(st.integers(top + 1, sample.height))
    image, boxes, masks = (functional.crop(part, top, left, bottom - top, right - left) for part in tensors(sample))
    cropped = sample.crop(left, top, right, bottom)
    np.testing.assert_array_equal(cropped.pixels, image.permute(1, 2, 0).numpy())
    assert_same_objects(cropped, boxes, masks)


@pytest.mark.parametrize("window", [(-1, 0, 4, 4), (0, 0, 9, 4), (3, 0, 3, 4), (0, 4, 4, 2), (0, 0, 4, 7)])
def test_a_window_that_is_not_inside_the_image(window):
    sample = without_objects(8, 6)
    with pytest.raises(ValueError, match=r"the window .* is not inside the image of 8 x 6 pixels"):
        sample.crop(*window)


def is_exact(before, after):
    """Whether float32, in which torch computes them, gives the pixels nearest to all centres."""
    centres = np.arange(after)
    rounded = ((centres + np.float32(0.5)) * np.float32(before / after)).astype(int)
    return np.array_equal(rounded, (2 * centres + 1) * before // (2 * after))


@settings(max_examples=200)
@given(samples(masks=True), st.integers(1, 50), st.integers(1, 50))
def test_resized_as_torchvision_resizes(sample, width, height):
    assume(is_exact(sample.width, width) and is_exact(sample.height, height))
    image, boxes, masks = tensors(sample)
    size = [height, width]
    resized = sample.resize(width, height)
    theirs = functional.resize(image, size, antialias=True).permute(1, 2, 0).numpy()
    assert np.abs(resized.pixels.astype(int) - theirs).max() <= 1
    nearest = functional.resize(masks.as_subclass(torch.Tensor), size, InterpolationMode.NEAREST_EXACT)
    assert_same_objects(resized, functional.resize(boxes, size), nearest)


@settings(max_examples=100)
@given(samples(), st.integers(0, 9), st.integers(0, 9), st.integers(0, 9), st.integers(0, 9))
def test_expanded_is_undone_by_cropping(sample, left, top, right, bottom):
    width, height = left + sample.width + right, top + sample.height + bottom
    expanded = sample.pad(width, height, left, top, (1, 2, 3))
    inside = expanded.crop(left, top, left + sample.width, top + sample.height)
    np.testing.assert_array_equal(inside.pixels, sample.pixels)
    np.testing.assert_array_equal(inside.boxes, sample.boxes)
    assert inside.masks is sample.masks is None or np.array_equal(inside.masks, sample.masks)
    around = np.ones((height, width), dtype=bool)
    around[top : top + sample.height, left : left + sample.width] = False
    assert (expanded.pixels[around] == (1, 2, 3)).all()
    assert expanded.masks is None or not expanded.masks[:, around].any()


@settings(max_examples=200)
@given(samples(masks=True), st.data())
def test_a_mask_stays_within_a_pixel_of_its_box(sample, data):
    right, bottom = data.draw(st.integers(1, sample.width)), data.draw(st.integers(1, sample.height))
    width, height = data.draw(st.integers(1, 50)), data.draw(st.integers(1, 50))
    moved = sample.flip().crop(0, 0, right, bottom).resize(width, height)
    slack = np.array([width / right, height / bottom] * 2) + 1
    for mask, box in zip(moved.masks, moved.boxes, strict=True):
        assert (np.abs(np.array(box_of_runs(mask_to_runs(mask), mask.shape[0])) - box) <= slack).all()


def test_labels_and_crowds_travel_with_their_boxes():
    boxes = np.array([[0, 0, 4, 4], [6, 1, 10, 5], [3, 0, 7, 2]], dtype=np.float32)
    sample = DetectionSample(np.zeros((6, 10, 3), np.uint8), boxes, np.array([7, 8, 9]), np.array([False, True, True]))
    right = sample.crop(5, 0, 10, 6)
    assert right.labels.tolist() == [8, 9]
    assert right.crowd.tolist() == [True, True]
    assert right.boxes.tolist() == [[1, 1, 5, 5], [0, 0, 2, 2]]


def test_an_object_whose_mask_is_cut_off_is_gone_though_its_box_is_not():
    mask = np.zeros((1, 4, 8), dtype=bool)
    mask[0, :, :2] = True
    box = np.array([[0, 0, 8, 4]], dtype=np.float32)
    sample = DetectionSample(np.zeros((4, 8, 3), np.uint8), box, np.array([0]), np.array([False]), mask)
    assert len(sample.crop(2, 0, 8, 4).labels) == 0
    assert sample.crop(1, 0, 8, 4).boxes.tolist() == [[0, 0, 7, 4]]


@pytest.mark.parametrize("masks", [None, np.zeros((0, 6, 8), dtype=bool)])
def test_an_image_without_objects(masks):
    sample = without_objects(8, 6, masks)
    for moved, size in [
        (sample.flip(), (8, 6)),
        (sample.crop(1, 2, 8, 5), (7, 3)),
        (sample.pad(12, 9, 1, 1, (0, 0, 0)), (12, 9)),
        (sample.resize(5, 11), (5, 11)),
    ]:
        assert (moved.width, moved.height) == size
        assert moved.boxes.shape == (0, 4)
        assert masks is None or moved.masks.shape == (0, *moved.pixels.shape[:2])


def without_objects(width, height, masks=None):
    pixels = np.zeros((height, width, 3), dtype=np.uint8)
    return DetectionSample(pixels, np.zeros((0, 4), np.float32), np.zeros(0, np.int64), np.zeros(0, bool), masks)


def every_step(sample):
    expanded = sample.pad(90, 90, 3, 4, (9, 9, 9))
    return [sample.flip(), sample.crop(0, 0, 1, 1), expanded, sample.resize(7, 5)]


@settings(max_examples=50)
@given(samples())
def test_a_step_leaves_its_sample_as_it_was(sample):
    before = [None if part is None else part.copy() for part in vars(sample).values()]
    assert len(every_step(sample)) == 4
    for now, then in zip(vars(sample).values(), before, strict=True):
        assert now is then is None or np.array_equal(now, then)


@settings(max_examples=50)
@given(samples())
def test_the_types_stay(sample):
    for moved in every_step(sample):
        assert (moved.pixels.dtype, moved.boxes.dtype) == (np.uint8, np.float32)
        assert (moved.labels.dtype, moved.crowd.dtype) == (np.int64, bool)
        assert moved.masks is None or moved.masks.dtype == bool
