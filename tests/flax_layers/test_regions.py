"""What two-stage detectors do with regions in JAX, against torchvision's: pooling, masks, suppression, sampling."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from torchvision.ops import MultiScaleRoIAlign, nms, roi_align
from vistry.flax_layers.nms import survivors
from vistry.flax_layers.region_losses import smooth_l1
from vistry.flax_layers.region_parts import over_occupied_parts
from vistry.flax_layers.region_pooling import cut_masks, pool_regions, pyramid_levels
from vistry.flax_layers.region_sampling import Sample, balanced_sample

STRIDES, CHANNELS, COUNT = (4, 8, 16, 32), 3, 30
HEIGHT, WIDTH = 480, 640
# A place in a map of 160 pixels is rounded to 2 ** -17, as the two ways to write it down sum differently, and so is
# its part of a pixel, which is a weight of values and gradients up to 5.
TOLERANCE = 4 * 5 * 2.0**-17


def drawn_boxes(images: int, count: int, seed: int = 0) -> Any:
    """Boxes of all sizes and shapes: some as large as the image, some without area, some at its edges."""
    corners = np.random.default_rng(seed).uniform(-20, 1, (images, count, 2, 2)) + 20
    corners *= np.array([WIDTH, HEIGHT]) / 20
    boxes = np.concatenate([corners.min(2), corners.max(2)], -1).clip(0, [WIDTH, HEIGHT] * 2)
    boxes[0, :5] = [
        [0, 0, WIDTH, HEIGHT],
        [5, 5, 5, 5],
        [0, 0, 112, 112],
        [WIDTH - 1, HEIGHT - 1, WIDTH, HEIGHT],
        [0, 100, WIDTH, 101],
    ]
    return boxes.astype(np.float32)


# Pooling


@pytest.mark.parametrize("side", [7, 14])
def test_regions_are_pooled_as_in_torchvision(side: int) -> None:
    random = np.random.default_rng(1)
    boxes = drawn_boxes(2, COUNT)
    maps = [random.standard_normal((2, HEIGHT // s, WIDTH // s, CHANNELS)).astype(np.float32) for s in STRIDES]
    theirs = [torch.from_numpy(one.transpose(0, 3, 1, 2).copy()).requires_grad_() for one in maps]
    pool = MultiScaleRoIAlign(["0", "1", "2", "3"], side, 2)
    named = {str(level): one for level, one in enumerate(theirs)}
    expected = pool(named, [torch.from_numpy(one) for one in boxes], [(HEIGHT, WIDTH)] * 2)
    weights = random.standard_normal(expected.shape).astype(np.float32)
    (expected * torch.from_numpy(weights)).sum().backward()

    def pooled(maps: list[jax.Array]) -> Any:
        regions = pool_regions(maps, jnp.asarray(boxes), STRIDES, side).reshape(-1, side, side, CHANNELS)
        return (regions * weights.transpose(0, 2, 3, 1)).sum(), regions

    gradients, regions = jax.jit(jax.grad(pooled, has_aux=True))([jnp.asarray(one) for one in maps])
    np.testing.assert_allclose(regions.transpose(0, 3, 1, 2), expected.detach(), rtol=0, atol=TOLERANCE)
    for ours, reference in zip(gradients, theirs, strict=True):
        assert reference.grad is not None
        largest = float(abs(reference.grad).max())
        assert largest > 0
        atol = TOLERANCE * max(1, largest)
        np.testing.assert_allclose(ours.transpose(0, 3, 1, 2), reference.grad, rtol=0, atol=atol)


def test_a_region_is_pooled_from_the_level_of_its_size() -> None:
    sides = np.array([1, 111.9, 112, 223.9, 224, 447, 448, 5000, 0], np.float32)
    boxes = np.stack([0 * sides, 0 * sides, sides, sides], 1)
    assert pyramid_levels(jnp.asarray(boxes), STRIDES).tolist() == [0, 0, 1, 1, 2, 2, 3, 3, 0]


def test_masks_are_cut_as_in_torchvision() -> None:
    sizes = np.array([[HEIGHT, WIDTH], [HEIGHT - 137, WIDTH - 219]], np.int32)
    random = np.random.default_rng(2)
    limits = np.tile(sizes[:, None, ::-1], (1, 1, 2))
    boxes = drawn_boxes(2, COUNT).clip(0, limits).astype(np.float32)
    objects = random.integers(0, 3, (2, COUNT)).astype(np.int32)
    masks = np.zeros((2, 3, HEIGHT, WIDTH), np.uint8)
    for image, (height, width) in enumerate(sizes):
        masks[image, :, :height, :width] = random.random((3, height, width)) < 0.5
    cut = jax.jit(cut_masks, static_argnums=4)
    found = cut(masks, objects, boxes, sizes, 28)
    for image, (height, width) in enumerate(sizes):
        own = torch.from_numpy(masks[image, :, :height, :width]).float()[:, None]
        regions = torch.from_numpy(np.concatenate([objects[image, :, None], boxes[image]], 1).astype(np.float32))
        expected = roi_align(own, regions, (28, 28), 1.0)[:, 0]
        # A place near pixel 640 is rounded to 2 ** -15.
        np.testing.assert_allclose(found[image], expected, rtol=0, atol=4 * 2.0**-15)


# Suppression and sampling


@pytest.mark.parametrize("iou_threshold", [0.3, 0.7])
def test_the_survivors_are_torchvisions(iou_threshold: float) -> None:
    """Coordinates are quarters of a pixel, so that some overlaps are at the threshold; crowds have long chains."""
    random = np.random.default_rng(3)
    kept = jax.jit(lambda boxes, is_box: survivors(boxes, is_box, iou_threshold))
    counts = set()
    for crowd in (20, 60, 200):
        corners = random.integers(0, crowd, (3, 120, 2)) / 4
        boxes = np.concatenate([corners, corners + random.integers(30, 61, (3, 120, 2)) / 4], -1).astype(np.float32)
        is_box = random.random((3, 120)) < 0.8
        found = np.asarray(kept(boxes, is_box))
        for image in range(3):
            own = np.flatnonzero(is_box[image])
            order = torch.arange(len(own), 0, -1).float()
            expected = own[nms(torch.from_numpy(boxes[image, own]), order, iou_threshold).numpy()]
            np.testing.assert_array_equal(np.flatnonzero(found[image]), expected)
            counts.add(len(expected))
    assert 1 < min(counts) < 50


@pytest.mark.parametrize(
    ("positives", "negatives", "expected"),
    [(30, 60, (8, 24)), (3, 60, (3, 29)), (30, 10, (8, 10)), (0, 60, (0, 32)), (3, 0, (3, 0)), (0, 0, (0, 0))],
)
def test_a_sample_is_balanced_and_random(positives: int, negatives: int, expected: tuple[int, int]) -> None:
    kinds = np.zeros(100, int)
    kinds[:positives], kinds[positives : positives + negatives] = 1, -1
    kinds = np.random.default_rng(4).permutation(kinds)
    draw = jax.jit(lambda key: balanced_sample(kinds[None] > 0, kinds[None] < 0, key, size=32, most_positive=8))
    drawn = np.zeros(100, int)
    for seed in range(40):
        index, is_positive, counts = (np.asarray(part[0]) for part in draw(jax.random.key(seed)))
        positive, negative = index[counts & is_positive], index[counts & ~is_positive]
        assert (len(positive), len(negative)) == expected
        assert is_positive[: len(positive)].all()
        assert len(set(index[counts].tolist())) == counts.sum()
        assert (kinds[positive] == 1).all()
        assert (kinds[negative] == -1).all()
        drawn[index[counts]] += 1
    # Each has the same chance: in 40 draws none comes up three standard deviations more often than it should.
    for kind, share in zip((1, -1), expected, strict=True):
        if (of_kind := (kinds == kind).sum()) and share < of_kind:
            chance = share / of_kind
            assert drawn[kinds == kind].max() <= 40 * chance + 4 * np.sqrt(40 * chance * (1 - chance)) + 1


def test_images_of_padding_have_no_sample() -> None:
    sample = balanced_sample(jnp.ones((2, 9), bool), jnp.ones((2, 9), bool), jax.random.key(0), 6, most_positive=3)
    of_first: Sample = sample.of_images(jnp.array([True, False]))
    assert of_first.counts.sum(1).tolist() == [6, 0]
    assert of_first.is_positive.sum(1).tolist() == [3, 0]


def test_more_than_there_are_is_all_there_are() -> None:
    positive = np.arange(10) < 4
    sample = balanced_sample(positive[None], ~positive[None], jax.random.key(0), 1000, most_positive=500)
    assert sorted(sample.places[0].tolist()) == list(range(10))
    assert sample.counts.all()
    assert sample.is_positive.sum() == 4


# Losses and parts


def test_the_loss_of_a_box_is_torchs() -> None:
    values = np.linspace(-1, 1, 101, dtype=np.float32)
    expected = torch.nn.functional.smooth_l1_loss(
        torch.from_numpy(values), torch.zeros(101), beta=1 / 9, reduction="none"
    )
    np.testing.assert_allclose(smooth_l1(jnp.asarray(values)), expected, rtol=1e-6, atol=1e-7)


def test_only_parts_with_something_are_computed() -> None:
    computed: list[int] = []

    def square(x: jax.Array) -> jax.Array:
        jax.debug.callback(lambda: computed.append(1))
        return x**2

    x = jnp.arange(14.0).reshape(2, 7)
    occupied = jnp.array([[1, 0, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0, 1]], bool)

    def total(x: jax.Array) -> Any:
        results = over_occupied_parts(square, (x,), occupied, 3)
        return results.sum(), results

    gradient, results = jax.jit(jax.grad(total, has_aux=True))(x)
    jax.effects_barrier()  # type: ignore[no-untyped-call]
    in_parts = np.repeat([True, False, True], 3)[:7]
    np.testing.assert_array_equal(results, np.where(in_parts, x**2, 0))
    np.testing.assert_array_equal(gradient, np.where(in_parts, 2 * x, 0))
    assert len(computed) == 2
