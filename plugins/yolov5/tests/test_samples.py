"""The samples of a training: which, from what, in which size, and that nothing but seed, epoch and row decides."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from vistry.data.objects import objects_in_memory
from vistry.data.table import UNASSIGNED, Table
from vistry.errors import DataError
from vistry.loading.batches import BatchReader
from vistry.registry.tile_grid import TileGrid
from vistry_yolov5 import samples as module
from vistry_yolov5.samples import YoloDataset

SIDE = 64
INSIDE = np.array([1, 1, -1, -1])
PURE = np.array([[255, 0, 0], [0, 255, 0], [0, 0, 255]], dtype=np.uint8)
PLAIN = {"mosaic": False, "augment": False, "multi_scale": False}
FULL = {"mosaic": True, "augment": True, "multi_scale": True}
# Width, height, and objects (class, x1, y1, x2, y2) of each image.
PICTURES = [
    (100, 60, [(0, 10, 10, 40, 50), (1, 60, 20, 90, 40)]),
    (48, 80, [(2, 5, 30, 40, 70)]),
    (64, 64, []),
    (30, 20, [(1, 3, 4, 13, 14)]),
    (128, 96, [(0, 70, 50, 120, 90)]),
]


@pytest.fixture(params=["png", "jpg"])
def kind(request):
    return request.param


@pytest.fixture
def table(tmp_path):
    return painted_table(tmp_path, PICTURES)


def painted_table(folder: Path, pictures, kind: str = "png") -> Table:
    """Black images, each object filled with the pure colour of its class."""
    names, boxes, labels = [], [], []
    for number, (width, height, objects) in enumerate(pictures):
        pixels = np.zeros((height, width, 3), dtype=np.uint8)
        for label, left, top, right, bottom in objects:
            pixels[top:bottom, left:right] = PURE[label]
            boxes.append((left, top, right, bottom))
            labels.append(label)
        names.append(str(folder / f"{number}.{kind}"))
        Image.fromarray(pixels).save(names[-1])
    counts = [len(objects) for _, _, objects in pictures]
    return Table(
        root=folder,
        format="jsonl",
        classes=("a", "b", "c"),
        images=names,
        label_starts=np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        labels=np.array(labels, dtype=np.int32),
        split=np.full(len(names), UNASSIGNED, dtype=np.int8),
        files=(),
        file_of=np.zeros(len(names), dtype=np.int32),
        lines=np.zeros(len(names), dtype=np.int32),
        objects=objects_in_memory(counts, boxes, [one[0] for one in pictures], [one[1] for one in pictures]),
    )


def build(table: Table, **changed) -> YoloDataset:
    return YoloDataset(table, **{"image_size": SIDE, "batch_size": 2, **PLAIN, **changed})


def epoch_of(samples: YoloDataset, seed: int = 0, epoch: int = 0, workers: int = 1):
    with BatchReader(samples, workers) as reader:
        return list(reader.read(samples.batches(seed, epoch), seed, epoch))


def colour_box(pixels: np.ndarray, label: int) -> np.ndarray:
    other = np.delete(pixels.astype(int), label, axis=2).max(axis=2)
    difference = pixels[..., label].astype(int) - other
    rows, columns = np.nonzero(difference > difference.max() / 2)
    return np.array([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1])


def assert_equal_batches(left, right):
    assert len(left) == len(right)
    for ours, theirs in zip(left, right, strict=True):
        np.testing.assert_array_equal(ours.rows, theirs.rows)
        np.testing.assert_array_equal(ours.images, theirs.images)
        for target, other in zip(ours.targets, theirs.targets, strict=True):
            np.testing.assert_array_equal(target["boxes"], other["boxes"])
            np.testing.assert_array_equal(target["labels"], other["labels"])


def test_a_batch_is_squares_with_targets(table):
    samples = build(table, **FULL | {"multi_scale": False})
    for batch in epoch_of(samples):
        assert batch.images.shape == (len(batch.rows), SIDE, SIDE, 3)
        assert batch.images.dtype == np.uint8
        assert batch.sizes is None
        for target in batch.targets:
            assert set(target) == {"boxes", "labels"}
            assert target["boxes"].dtype == np.float32
            assert target["labels"].dtype == np.int64
            assert target["boxes"].shape == (len(target["labels"]), 4)


def test_batches_go_over_all_samples_evenly_in_an_order_of_their_own_each_epoch(table):
    samples = build(table, batch_size=3)
    orders = [np.concatenate(samples.batches(0, epoch)).tolist() for epoch in range(5)]
    assert all(sorted(order) == [0, 1, 2, 3, 4] for order in orders)
    assert len({tuple(order) for order in orders}) > 1
    assert [len(rows) for rows in samples.batches(0, 0)] == [3, 2]
    assert samples.name(3) == table.images[3]


@pytest.mark.parametrize("row", range(5))
def test_with_all_off_an_image_is_in_the_middle_of_grey(tmp_path, kind, row):
    samples = build(painted_table(tmp_path, PICTURES, kind))
    sample = samples.read(row, np.random.default_rng(0)).sample
    width, height, objects = PICTURES[row]
    scale = SIDE / max(width, height)
    margin = [(SIDE - round(width * scale)) // 2, (SIDE - round(height * scale)) // 2]
    np.testing.assert_allclose(
        sample.boxes, np.array([one[1:] for one in objects]).reshape(-1, 4) * scale + margin * 2, atol=0.51
    )
    for label, box in zip(sample.labels.tolist(), sample.boxes, strict=True):
        assert np.abs(colour_box(sample.pixels, label) - box).max() <= 1
    assert (sample.pixels[: margin[1]] == 114).all()
    assert (sample.pixels[:, : margin[0]] == 114).all()
    again = samples.read(row, np.random.default_rng(1)).sample
    np.testing.assert_array_equal(sample.pixels, again.pixels)


@pytest.mark.parametrize(
    ("grid", "decoded"), [(None, (76, 128)), (TileGrid(2, 1), (151, 256)), (TileGrid(4, 4), (302, 511))]
)
def test_a_large_jpeg_is_decoded_smaller_and_seen_where_its_boxes_are(tmp_path, monkeypatch, grid, decoded):
    """Sides are rounded up. The shorter side of a tile has 64 pixels or more: with tiles it is a quarter, or half."""
    table = painted_table(tmp_path, [(1021, 603, [(0, 200, 100, 480, 400), (2, 700, 300, 1000, 560)])], "jpg")
    samples, sizes, load = build(table, grid=grid), [], module.load_pixels

    def watching(path, at_least):
        pixels = load(path, at_least)
        sizes.append(pixels.shape[:2])
        return pixels

    monkeypatch.setattr(module, "load_pixels", watching)
    for row in range(len(samples)):
        sample = samples.read(row, np.random.default_rng(0)).sample
        for label, box in zip(sample.labels.tolist(), sample.boxes, strict=True):
            assert np.abs(colour_box(sample.pixels, label) - box).max() <= 1
    assert sizes == [decoded]


def test_mosaics_are_of_the_sample_itself_and_of_others_drawn_evenly(tmp_path, monkeypatch):
    pictures = [(32, 32, [])] * 6
    samples, used = build(painted_table(tmp_path, pictures), mosaic=True), []
    fitted = samples.fitted
    monkeypatch.setattr(samples, "fitted", lambda row: used.append(row) or fitted(row))
    count = 400
    for draw in range(count):
        samples.read(4, np.random.default_rng(draw))
    assert used[::4] == [4] * count
    others = np.bincount(np.delete(used, np.s_[::4]), minlength=6)
    assert others.sum() == 3 * count
    assert np.abs(others - count / 2).max() < 5 * (count / 2) ** 0.5


def test_a_mosaic_without_other_augmentation_keeps_sizes_and_colours(table):
    samples = build(table, mosaic=True)
    several = 0
    for draw in range(60):
        sample = samples.read(0, np.random.default_rng(draw)).sample
        several += len({colour for colour in map(tuple, sample.pixels.reshape(-1, 3).tolist()) if colour in PURES}) > 1
        for box, label in zip(sample.boxes, sample.labels.tolist(), strict=True):
            left, top, right, bottom = np.rint(box).astype(int) + INSIDE
            assert (sample.pixels[top:bottom, left:right] == PURE[label]).all()
    assert several > 10


PURES = {tuple(colour) for colour in PURE.tolist()}


@pytest.mark.parametrize("changed", [FULL, {**FULL, "grid": TileGrid(2, 2), "overlap": 0.25}])
def test_threads_and_cache_change_nothing(table, changed):
    expected = epoch_of(build(table, **changed), 3, 1)
    assert_equal_batches(epoch_of(build(table, **changed), 3, 1, workers=4), expected)
    for cache_bytes in (0, 9000, 20_000):
        assert_equal_batches(epoch_of(build(table, **changed, cache_bytes=cache_bytes), 3, 1, workers=2), expected)
    warm = build(table, **changed)
    epoch_of(warm, 3, 0)
    assert_equal_batches(epoch_of(warm, 3, 1), expected)


def test_seed_and_epoch_change_the_samples(table):
    samples = build(table, **FULL)
    seen = {
        b"".join(batch.images.tobytes() for batch in epoch_of(samples, *at)) for at in ((0, 0), (0, 1), (1, 0), (0, 0))
    }
    assert len(seen) == 3


def test_a_source_is_not_changed_by_what_is_made_of_it(table):
    samples = build(table, **FULL)
    before = [samples.fitted(row).pixels.copy() for row in range(len(samples))]
    epoch_of(samples)
    for row, pixels in enumerate(before):
        np.testing.assert_array_equal(samples.fitted(row).pixels, pixels)
        assert not samples.fitted(row).pixels.flags.writeable


@pytest.fixture
def decodes(monkeypatch):
    """The files decoded, in order."""
    found: list[str] = []
    load = module.load_pixels
    monkeypatch.setattr(module, "load_pixels", lambda path, **options: found.append(path) or load(path, **options))
    return found


@pytest.mark.parametrize("grid", [None, TileGrid(2, 2)])
def test_each_image_is_decoded_once_if_there_is_room(table, decodes, grid):
    samples = build(table, **FULL, grid=grid)
    for epoch in range(3):
        epoch_of(samples, 0, epoch, workers=3)
    assert sorted(decodes) == sorted(table.images)


def test_no_more_is_kept_than_the_budget(tmp_path, decodes):
    """Images of 64 x 32 in a square of 64 are 6144 bytes each: room for two."""
    table = painted_table(tmp_path, [(64, 32, [])] * 4)
    samples = build(table, cache_bytes=2 * 6144)
    for row in (0, 1, 0, 2, 0, 1, 0):
        samples.fitted(row)
    assert [Path(name).stem for name in decodes] == ["0", "1", "2", "1"]
    decodes.clear()
    tight = build(table, cache_bytes=6143)
    for _ in range(2):
        tight.fitted(0)
    assert len(decodes) == 2


def test_what_is_kept_has_the_size_in_which_it_is_used(tmp_path, decodes):
    """Two images of 800 x 400 pixels, a megabyte each, in room for two of 64 x 32."""
    samples = build(painted_table(tmp_path, [(800, 400, [])] * 2), cache_bytes=2 * 6144)
    for row in (0, 1) * 3:
        assert samples.fitted(row).pixels.shape == (32, 64, 3)
    assert len(decodes) == 2


def test_crowds_are_left_out_of_targets_but_not_out_of_samples(table):
    assert table.objects is not None
    crowd = np.zeros(len(table.labels), dtype=bool)
    crowd[1] = True
    samples = build(replace(table, objects=replace(table.objects, crowd=crowd)))
    read = samples.read(0, np.random.default_rng(0))
    assert read.sample.crowd.tolist() == [False, True]
    [target] = samples.batch(np.array([0]), [read]).targets
    assert target["labels"].tolist() == [0]
    np.testing.assert_array_equal(target["boxes"], read.sample.boxes[:1])


def test_images_without_objects(tmp_path):
    samples = build(painted_table(tmp_path, [(40, 30, [])] * 3), **FULL)
    for batch in epoch_of(samples):
        assert all(target["boxes"].shape == (0, 4) for target in batch.targets)


def test_one_image_is_enough_for_a_mosaic(tmp_path):
    samples = build(painted_table(tmp_path, PICTURES[1:2]), **FULL)
    assert len(epoch_of(samples)) == 1


def test_tiles_with_objects_are_samples_of_their_own(table):
    """By 2 x 1 tiles without overlap: objects at x 10 to 40 and 60 to 90 of 100, and so on."""
    samples = build(table, grid=TileGrid(2, 1), overlap=0.0)
    halves = [(0, 0), (0, 1), (1, 0), (1, 1), (3, 0), (4, 1)]
    assert [samples.name(row) for row in range(5, len(samples))] == [
        f"{table.images[image]} (tile {half + 1})" for image, half in halves
    ]
    for row, (image, half) in enumerate(halves, start=5):
        width, height, objects = PICTURES[image]
        start, middle = half * width / 2, width / 2
        scale = SIDE / max(middle, height)
        sample = samples.read(row, np.random.default_rng(0)).sample
        inside = [one for one in objects if one[1] < start + middle and one[3] > start]
        assert sample.labels.tolist() == [one[0] for one in inside]
        margin = [(SIDE - middle * scale) / 2, (SIDE - height * scale) / 2] * 2
        for box, one in zip(sample.boxes, inside, strict=True):
            clipped = np.clip(np.array(one[1:]) - [start, 0, start, 0], 0, [middle, height] * 2)
            assert np.abs(clipped * scale + margin - box).max() <= 1.01
            assert np.abs(colour_box(sample.pixels, one[0]) - box).max() <= 1


@pytest.mark.parametrize(
    ("image_size", "sides"), [(64, {32, 64, 96}), (96, {64, 96, 128}), (32, {32}), (160, {96, 128, 160, 192, 224})]
)
def test_multi_scale_goes_through_multiples_of_32(tmp_path, image_size, sides):
    samples = build(painted_table(tmp_path, PICTURES[:1]), image_size=image_size, multi_scale=True)
    seen = {samples.read(0, np.random.default_rng(draw)).side for draw in range(120)}
    assert seen == sides


def test_multi_scale_resizes_pixels_with_boxes_by_the_first_sample_of_a_batch(table):
    samples = build(table, multi_scale=True)
    read = [samples.read(row, np.random.default_rng(row)) for row in (0, 1)]
    plain = build(table).batch(np.arange(2), [read[0]._replace(side=SIDE), read[1]])
    for side in (32, 64, 96):
        batch = samples.batch(np.arange(2), [read[0]._replace(side=side), read[1]])
        assert batch.images.shape == (2, side, side, 3)
        for pixels, target, before in zip(batch.images, batch.targets, plain.targets, strict=True):
            np.testing.assert_allclose(target["boxes"], before["boxes"] * side / SIDE, rtol=1e-6)
            for label, box in zip(target["labels"].tolist(), target["boxes"], strict=True):
                assert np.abs(colour_box(pixels, label) - box).max() <= 1


def test_multi_scale_changes_nothing_but_the_size(table):
    one, other = (build(table, **FULL | {"multi_scale": on}) for on in (True, False))
    for row in range(5):
        left, right = (samples.read(row, np.random.default_rng(row)).sample for samples in (one, other))
        np.testing.assert_array_equal(left.pixels, right.pixels)


def test_a_file_that_is_gone_is_named(table):
    Path(table.images[3]).unlink()
    with pytest.raises(DataError, match=r"3\.png: the image file does not exist"):
        build(table).read(3, np.random.default_rng(0))


def test_reading_leaves_no_threads_behind(table):
    before = threading.active_count()
    epoch_of(build(table, **FULL), workers=4)
    assert threading.active_count() == before
