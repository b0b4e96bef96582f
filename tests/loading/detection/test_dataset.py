"""What is known of a detector's samples before their images are read: the same as afterwards."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from vistry.data.images.decode import load_pixels
from vistry.data.objects import objects_in_memory
from vistry.loading.detection.dataset import DetectionDataset
from vistry.loading.detection.tiles import Tiling
from vistry.registry.tile_grid import TileGrid

SIZES = [(50, 30), (24, 40), (20, 20)]
BOXES = [[2, 3, 20, 25], [30, 10, 48, 28], [4, 22, 20, 39]]


@pytest.fixture
def table(photo, table_of):
    images = [str(photo(f"{number}.png", number, size)) for number, size in enumerate(SIZES)]
    objects = objects_in_memory([2, 1, 0], BOXES, *zip(*SIZES, strict=True))
    crowd = np.array([False, True, False])
    return replace(table_of([[0, 1], [2], []]), images=images, objects=replace(objects, crowd=crowd))


@pytest.mark.parametrize(
    ("grid", "overlap", "count"), [(None, 0.0, 3), (TileGrid(2, 2), 0.0, 9), (TileGrid(3, 1), 0.25, 9)]
)
def test_objects_and_windows_without_reading_are_those_of_what_is_read(table, grid, overlap, count):
    samples = DetectionDataset(table, lambda sample, random: sample, 1, tiling=Tiling(grid, overlap) if grid else None)
    assert len(samples) == count
    for row in range(count):
        read, unread = samples.read(row, np.random.default_rng(0)), samples.unread(row)
        for name in ("boxes", "labels", "crowd"):
            np.testing.assert_array_equal(getattr(unread, name), getattr(read, name))
        image = int(samples.images[row])
        [[left, top, right, bottom]] = samples.windows([row]).tolist()
        np.testing.assert_array_equal(read.pixels, load_pixels(table.images[image])[top:bottom, left:right])
        assert (unread.height, unread.width) == read.pixels.shape[:2]
        rows = np.flatnonzero(samples.images == image).tolist()
        np.testing.assert_array_equal(samples.windows(rows)[rows.index(row)], [left, top, right, bottom])
        assert samples.name(row).startswith(table.images[image])


def test_objects_are_known_without_the_file(table):
    samples = DetectionDataset(replace(table, images=["a", "b", "c"]), lambda sample, random: sample, 1)
    assert samples.unread(0).boxes.tolist() == BOXES[:2]
    assert [len(target["boxes"]) for target in samples.targets()] == [1, 1, 0]
