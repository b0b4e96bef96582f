"""Batches by shape: every row once, as many batches as without shapes, and little padding."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from vistry.loading.batches import epoch_order, even_batches
from vistry.loading.detection.aspect_batches import aspect_batches
from vistry.loading.detection.augmentation import resized_size


@settings(max_examples=200)
@given(st.lists(st.floats(0.05, 20), min_size=1, max_size=60), st.integers(1, 9), st.integers(0, 99), st.data())
def test_every_row_once_in_as_few_and_even_batches_as_without_shapes(aspects, batch_size, epoch, data):
    used = data.draw(st.lists(st.sampled_from(range(len(aspects))), unique=True))
    order = epoch_order(np.array(used, dtype=np.int64), 0, epoch)
    batches = aspect_batches(np.array(aspects), order, batch_size)
    assert sorted(row for batch in batches for row in batch.tolist()) == sorted(used)
    assert sorted(map(len, batches)) == sorted(map(len, even_batches(order, batch_size)))


def test_a_batch_is_of_one_shape_except_between_two():
    aspects = np.repeat([4 / 3, 3 / 4, 1.0, 3 / 2], 25)
    batches = aspect_batches(aspects, epoch_order(np.arange(100), 0, 0), 4)
    mixed = [batch for batch in batches if len(set(aspects[batch])) > 1]
    assert len(mixed) == 3


def test_the_same_order_gives_the_same_batches_and_another_gives_others():
    aspects = np.repeat([4 / 3, 3 / 4], 30)
    first, again, other = (
        [batch.tolist() for batch in aspect_batches(aspects, epoch_order(np.arange(60), 0, epoch), 4)]
        for epoch in (0, 0, 1)
    )
    assert first == again
    assert first != other
    assert {frozenset(batch) for batch in first} != {frozenset(batch) for batch in other}


def test_a_rare_shape_comes_at_any_time_of_an_epoch():
    aspects = np.array([0.5] * 4 + [1.5] * 96)
    places = []
    for epoch in range(300):
        batches = aspect_batches(aspects, epoch_order(np.arange(100), 0, epoch), 4)
        places.append(next(at for at, batch in enumerate(batches) if batch.max() < 4))
    assert np.mean(places) == pytest.approx(12, abs=1.7)
    assert {min(places), max(places)} == {0, 24}


def test_unknown_shapes_are_shapes():
    batches = aspect_batches(np.array([0.0, np.nan, 1.0, np.inf]), np.arange(4), 2)
    assert sorted(np.concatenate(batches).tolist()) == [0, 1, 2, 3]


def padding(batches, sizes):
    """Pixels of padding for each pixel of an image, with sides of multiples of 32."""
    total = 0
    for batch in batches:
        width, height = -(-sizes[batch].max(axis=0) // 32) * 32
        total += width * height * len(batch)
    return total / sizes.prod(axis=1).sum() - 1


@pytest.mark.parametrize(("batch_size", "shuffled", "by_shape"), [(2, 0.21, 0.034), (4, 0.42, 0.039), (8, 0.66, 0.049)])
def test_it_saves_most_of_the_padding(batch_size, shuffled, by_shape):
    """Cameras' formats as in COCO, some images of any shape; two groups, upright and not, would leave .09, .15, .20."""
    random = np.random.default_rng(0)
    formats = [(640, 480), (640, 427), (480, 640), (427, 640), (500, 375), (500, 333), (640, 640)]
    images = [formats[at] for at in random.choice(7, 3600, p=[0.37, 0.22, 0.13, 0.09, 0.08, 0.06, 0.05])]
    images += [(640, round(640 / aspect)) for aspect in np.exp(random.normal(0.2, 0.4, 400))]
    sizes = np.array([resized_size(*image, 600, 1333) for image in images])
    order = epoch_order(np.arange(len(images)), 0, 0)
    aspects = np.array([width / height for width, height in images])
    assert padding(even_batches(order, batch_size), sizes) == pytest.approx(shuffled, abs=0.03)
    assert padding(aspect_batches(aspects, order, batch_size), sizes) == pytest.approx(by_shape, abs=0.01)
