"""What a detector is given: sizes as torchvision's own transform makes them, and random steps that keep the objects."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torchvision.models.detection.transform import GeneralizedRCNNTransform
from vistry.data.masks.rle import box_of_runs, mask_to_runs
from vistry.loading.detection import augmentation
from vistry.loading.detection.augmentation import (
    DetectionTrainTransform,
    limit_mask_memory,
    resized_size,
)
from vistry.loading.detection.sample import DetectionSample

SIDES = st.integers(1, 2000)


@settings(max_examples=150)
@given(SIDES, SIDES, st.integers(16, 1000), st.integers(0, 1000))
def test_the_size_is_that_of_torchvisions_transform(width, height, min_size, more):
    ours = resized_size(width, height, min_size, min_size + more)
    scale = min(min_size / min(width, height), (min_size + more) / max(width, height))
    if min(width, height) * scale < 1:
        assert min(ours) == 1
        return
    transform = GeneralizedRCNNTransform(min_size, min_size + more, [0.0], [1.0]).eval()
    resized, _ = transform.resize(torch.zeros(1, height, width))
    assert ours == (resized.shape[2], resized.shape[1])


@pytest.mark.parametrize(
    ("size", "expected"),
    [((640, 480), (800, 600)), ((480, 640), (600, 800)), ((2000, 500), (1333, 333)), ((300, 200), (900, 600))],
)
def test_the_usual_sizes(size, expected):
    assert resized_size(*size, 600, 1333) == expected


def test_without_augmentation_there_is_only_the_resize():
    sample = painted(0)
    prepared = DetectionTrainTransform(40, 60, augment=False)(sample, np.random.default_rng(0))
    expected = sample.resize(*resized_size(sample.width, sample.height, 40, 60))
    assert_equal(prepared, expected)


def assert_equal(left, right):
    for ours, theirs in zip(vars(left).values(), vars(right).values(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


COLOURS = np.array([[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 0]], dtype=np.uint8)


def painted(seed: int, size: tuple[int, int] | None = None, count: int | None = None) -> DetectionSample:
    """An image with an object in some of its quarters, each filled with the colour of its label."""
    random = np.random.default_rng(seed)
    width, height = random.integers(40, 120, 2) if size is None else size
    pixels = np.zeros((height, width, 3), dtype=np.uint8)
    labels = random.permutation(4)[: random.integers(0, 5) if count is None else count]
    boxes = np.zeros((len(labels), 4), dtype=np.float32)
    masks = np.zeros((len(labels), height, width), dtype=bool)
    for at, label in enumerate(labels):
        left, top = random.integers(0, width // 2 - 16) + width // 2 * (label % 2), random.integers(0, height // 2 - 16)
        top += height // 2 * (label // 2)
        boxes[at] = left, top, left + 16, top + 16
        masks[at, top : top + 16, left : left + 16] = True
        pixels[masks[at]] = COLOURS[label]
    return DetectionSample(pixels, boxes, labels, labels % 2 == 1, masks)


@settings(max_examples=200)
@given(st.integers(0, 2**32), st.integers(0, 2**32))
def test_the_objects_stay_with_their_pixels_masks_labels_and_flags(seed, draw):
    sample = painted(seed)
    moved = DetectionTrainTransform(64, 100)(sample, np.random.default_rng(draw))
    assert min(moved.width, moved.height) <= 64
    assert max(moved.width, moved.height) <= 100
    assert sorted(moved.labels) == sorted(sample.labels)
    np.testing.assert_array_equal(moved.crowd, moved.labels % 2 == 1)
    assert (moved.boxes >= 0).all()
    assert (moved.boxes <= [moved.width, moved.height] * 2).all()
    assert moved.masks.shape == (len(moved.labels), moved.height, moved.width)
    for box, label, mask in zip(moved.boxes, moved.labels, moved.masks, strict=True):
        middle = ((box[:2] + box[2:]) / 2).astype(int)
        np.testing.assert_array_equal(moved.pixels[middle[1], middle[0]], COLOURS[label])
        assert np.abs(np.array(box_of_runs(mask_to_runs(mask), mask.shape[0])) - box).max() <= 1


@settings(max_examples=20)
@given(st.integers(0, 2**32))
def test_the_same_generator_gives_the_same_sample(seed):
    once, again = (DetectionTrainTransform(32, 64)(painted(seed), np.random.default_rng(seed)) for _ in range(2))
    assert_equal(once, again)


@pytest.fixture
def steps(monkeypatch):
    """What a sample's methods are called with, by name, while they do their work."""
    calls = {name: [] for name in ("flip", "crop", "pad")}
    for name, made in calls.items():
        monkeypatch.setattr(DetectionSample, name, recorded(getattr(DetectionSample, name), made))
    return calls


def recorded(method, calls):
    def work(sample, *arguments):
        calls.append((sample, arguments))
        return method(sample, *arguments)

    return work


def test_each_step_comes_as_often_as_it_should(steps):
    prepare, sample, count = DetectionTrainTransform(8, 16), painted(0, (80, 60), 0), 2000
    for draw in range(count):
        prepare(sample, np.random.default_rng(draw))
    for name, chance in (("flip", 0.5), ("crop", 0.25), ("pad", 0.25)):
        assert len(steps[name]) == pytest.approx(count * chance, abs=4 * (count * chance * (1 - chance)) ** 0.5)


def test_a_crop_holds_every_box_and_most_of_the_area_and_is_not_too_narrow(steps):
    for draw in range(400):
        DetectionTrainTransform(8, 16)(painted(draw), np.random.default_rng(draw))
    assert len(steps["crop"]) > 40
    for sample, (left, top, right, bottom) in steps["crop"]:
        assert (right - left) * (bottom - top) >= 0.6 * sample.width * sample.height
        assert 0.5 <= (right - left) / (bottom - top) <= 2
        assert (sample.boxes >= [left, top, -1, -1]).all()
        assert (sample.boxes <= [999, 999, right, bottom]).all()


def test_where_no_window_fits_the_image_stays_whole(steps):
    for draw in range(40):
        DetectionTrainTransform(8, 16)(painted(draw, (480, 40), 2), np.random.default_rng(draw))
    assert not steps["crop"]


def test_the_border_is_up_to_as_wide_as_the_image_and_has_the_mean_colour(steps):
    ratios = []
    for draw in range(200):
        DetectionTrainTransform(8, 16)(painted(draw), np.random.default_rng(draw))
    for sample, (width, height, left, top, fill) in steps["pad"]:
        ratios.append(width / sample.width)
        assert ratios[-1] == pytest.approx(height / sample.height, abs=0.05)
        assert 0 <= left <= width - sample.width
        assert 0 <= top <= height - sample.height
        assert fill == tuple(np.round(255 * np.array([0.485, 0.456, 0.406])))
    assert 1 <= min(ratios) < 1.2 < 1.8 < max(ratios) <= 2


def test_masks_beyond_the_limit_make_the_image_smaller(monkeypatch):
    sample = painted(3, (100, 60), 4)
    assert limit_mask_memory(sample) is sample
    monkeypatch.setattr(augmentation, "MASK_PIXELS", 6000)
    smaller = limit_mask_memory(sample)
    assert smaller.masks.shape == (4, 30, 50)
    np.testing.assert_allclose(smaller.boxes, sample.boxes / 2)
    prepared = DetectionTrainTransform(60, 100, augment=False)(sample, np.random.default_rng(0))
    assert_equal(prepared, smaller.resize(100, 60))
    boxes_only = DetectionSample(sample.pixels, sample.boxes, sample.labels, sample.crowd)
    assert limit_mask_memory(boxes_only) is boxes_only


@pytest.mark.parametrize("draw", range(12))
def test_an_image_without_objects(draw):
    moved = DetectionTrainTransform(32, 64)(painted(draw, count=0), np.random.default_rng(draw))
    assert moved.boxes.shape == (0, 4)
    assert moved.masks.shape == (0, moved.height, moved.width)
