"""Batches: sizes, order, and independence from the number of threads."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from vistry.loading.augmentation import TrainingCrop
from vistry.loading.batches import BatchReader, ImageDataset, epoch_order, even_batches


@given(rows=st.integers(1, 400), batch_size=st.integers(1, 100))
def test_batches_are_the_fewest_and_of_even_size(rows: int, batch_size: int) -> None:
    batches = even_batches(np.arange(rows), batch_size)
    sizes = [len(batch) for batch in batches]
    assert np.concatenate(batches).tolist() == list(range(rows))
    assert max(sizes) <= batch_size
    assert max(sizes) - min(sizes) <= 1
    assert len(sizes) == -(-rows // batch_size)


def test_no_images_are_no_batches() -> None:
    assert even_batches(np.arange(0), 4) == []


def test_each_epoch_has_its_own_order_which_the_seed_fixes() -> None:
    rows = np.arange(50)
    first, again = epoch_order(rows, seed=3, epoch=0), epoch_order(rows, seed=3, epoch=0)
    assert first.tolist() == again.tolist()
    assert sorted(first) == list(range(50))
    assert first.tolist() != epoch_order(rows, seed=3, epoch=1).tolist()
    assert first.tolist() != epoch_order(rows, seed=4, epoch=0).tolist()


@pytest.mark.parametrize("workers", [1, 2, 7])
def test_pixels_do_not_depend_on_the_number_of_workers(digits: Path, workers: int) -> None:
    images = sorted(map(str, digits.rglob("*.png")))
    targets = np.arange(len(images))
    batches = even_batches(epoch_order(targets, 0, 1), 10)

    def read(count: int) -> list[np.ndarray]:
        with BatchReader(ImageDataset(images, targets, TrainingCrop(16), 10), count) as reader:
            return [batch.images for batch in reader.read(batches, 0, 1)]

    for ours, theirs in zip(read(workers), read(3), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_a_batch_carries_the_targets_and_rows_of_its_images(digits: Path) -> None:
    images = sorted(map(str, digits.rglob("*.png")))
    targets = np.arange(len(images)) * 10
    with BatchReader(ImageDataset(images, targets, TrainingCrop(16), 10)) as reader:
        (batch,) = reader.read([np.array([5, 1])], 0, 0)
    assert batch.targets.tolist() == [50, 10]
    assert batch.rows.tolist() == [5, 1]
    assert batch.images.shape == (2, 16, 16, 3)
    assert batch.images.dtype == np.uint8


def test_stopping_half_way_leaves_no_thread_behind(digits: Path) -> None:
    import threading

    images = sorted(map(str, digits.rglob("*.png")))
    with BatchReader(ImageDataset(images, np.arange(len(images)), TrainingCrop(16), 4), 2) as reader:
        stream = reader.read(even_batches(np.arange(len(images)), 4), 0, 0)
        next(stream)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("vistry-images")]
