"""Training images: squares with their objects in place, changed in the epochs in which the recipes change them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from vistry.data.doctor import examine
from vistry.loading.views import ImageView
from vistry.plugin import Detections
from vistry.plugin.detection import DetectionSample, Tiling
from vistry.registry.tile_grid import TileGrid
from vistry_detr.photometric import distort
from vistry_detr.recipes import Recipe, cut_or_whole, distorted_and_cropped, mosaic, overlap_crop, zoom_out
from vistry_detr.schedules import constant, flat_cosine, warmup_flat
from vistry_detr.squares import Sides, SquareInput, mixed

GROUND, RED, BLUE = (30, 30, 40), (230, 90, 60), (70, 160, 240)
VALUES: dict[str, Any] = {
    "image_size": 64,
    "training_batch_size": 2,
    "number_of_epochs": 10,
    "multi_scale": 0,
    "apply_augmentations": 1,
    "tile_grid_size": None,
}


def sample(width: int = 96, height: int = 80) -> DetectionSample:
    """A red and a blue rectangle on dark ground."""
    pixels = np.full((height, width, 3), GROUND, np.uint8)
    boxes = np.array([[10, 12, 42, 48], [50, 30, 86, 70]], np.float32)
    for (left, top, right, bottom), colour in zip(boxes.astype(int), (RED, BLUE), strict=True):
        pixels[top:bottom, left:right] = colour
    return DetectionSample(pixels, boxes, labels=np.array([0, 1]), crowd=np.zeros(2, bool))


def colour_of(changed: DetectionSample, place: int) -> Any:
    left, top, right, bottom = changed.boxes[place].round().astype(int)
    return changed.pixels[(top + bottom - 1) // 2, (left + right - 1) // 2]


@pytest.mark.parametrize("change", [zoom_out, overlap_crop, cut_or_whole])
def test_objects_stay_where_their_pixels_are(change: Any) -> None:
    changed_some = False
    for seed in range(40):
        found = change(sample(), np.random.default_rng(seed))
        changed_some |= found.pixels.shape != sample().pixels.shape
        assert (found.boxes >= 0).all()
        assert (found.boxes[:, 2:] <= [found.width, found.height]).all()
        for place, label in enumerate(found.labels.tolist()):
            sides = found.boxes[place, 2:] - found.boxes[place, :2]
            if sides.min() > 4:
                assert np.abs(colour_of(found, place).astype(int) - (RED, BLUE)[label]).max() < 12
    assert changed_some


def test_a_crop_keeps_an_object_by_its_centre() -> None:
    for seed in range(60):
        found = overlap_crop(sample(), np.random.default_rng(seed))
        assert len(found.labels) > 0


def test_colours_change_within_their_ranges() -> None:
    pixels = sample().pixels
    changed = [distort(pixels, np.random.default_rng(seed)) for seed in range(20)]
    assert sum(bool((one != pixels).any()) for one in changed) > 15
    grey = np.full((4, 4, 3), 100, np.uint8)
    for seed in range(20):
        found = distort(grey, np.random.default_rng(seed))
        assert np.ptp(found) == 0  # grey has no hue and no saturation
        assert 85 <= found[0, 0, 0] <= 115


def test_a_mosaic_has_the_objects_of_four() -> None:
    counts = []
    for seed in range(20):
        found = mosaic([sample()] * 4, 128, np.random.default_rng(seed))
        assert found.pixels.shape == (128, 128, 3)
        counts.append(len(found.labels))
        for place, label in enumerate(found.labels.tolist()):
            if (found.boxes[place, 2:] - found.boxes[place, :2]).min() > 4:
                assert np.abs(colour_of(found, place).astype(int) - (RED, BLUE)[label]).max() < 30
    assert max(counts) == 8


def test_two_images_lie_over_each_other() -> None:
    one, other = sample(), sample().flip()
    found = mixed(one, other, 0.45)
    assert len(found.boxes) == 4
    np.testing.assert_allclose(found.pixels, 0.45 * one.pixels + 0.55 * other.pixels, atol=0.51)


def test_sides_vary_by_a_quarter_in_steps_that_the_network_takes() -> None:
    assert Sides(256, 32).around(256) == [256, 288, 320]
    assert Sides(288, 32).around(384) == [288, 320, 352, 384, 416, 448, 480]
    assert Sides(12, 12).around(12) == [12]


@pytest.fixture(scope="module")
def table(picture: Path) -> Any:
    return examine(picture, "image_object_detection").table


def test_epochs_that_begin_and_end_a_training_are_plain(table: Any) -> None:
    recipe = Recipe(distorted_and_cropped, plain_start=0.1, plain_end=0.1, mosaics_until=0.5, mosaic=1.0)
    dataset = SquareInput(VALUES, recipe, Sides(32, 32)).dataset(table)
    kinds = [{int(row) // len(dataset) for batch in dataset.batches(0, epoch) for row in batch} for epoch in range(10)]
    assert kinds == [{0}, {2}, {2}, {2}, {2}, {1}, {1}, {1}, {1}, {0}]
    off = SquareInput({**VALUES, "apply_augmentations": 0}, recipe, Sides(32, 32)).dataset(table)
    assert all(int(row) < len(off) for batch in off.batches(0, 3) for row in batch)
    assert dataset.name(0) == dataset.name(2 * len(dataset))


def test_a_batch_is_squares_of_one_side(table: Any) -> None:
    images = SquareInput({**VALUES, "multi_scale": 1}, Recipe(distorted_and_cropped, mixup=1.0), Sides(32, 32))
    dataset = images.dataset(table)
    sides = set()
    for epoch in range(6):
        for rows in dataset.batches(0, epoch):
            batch = dataset.batch(rows, [dataset.read(int(row), np.random.default_rng([epoch, row])) for row in rows])
            side = batch.images.shape[1]
            assert batch.images.shape == (2, side, side, 3)
            assert batch.sizes == [(side, side)] * 2
            for target in batch.targets:
                assert (target["boxes"][:, 2:] <= side + 1e-3).all()
            sides.add(side)
    assert sides == {64}  # 48 to 80 has one multiple of 32


def test_boxes_of_a_square_come_back_in_the_image(picture: Path) -> None:
    transform = SquareInput(VALUES, Recipe(cut_or_whole), Sides(32, 32)).eval_transform()
    [view] = transform.views(picture.parent / "0.png")
    assert view.pixels.shape == (64, 64, 3)
    assert view.resize_info == (64, 64, 80, 96)


def test_tiles_are_squares_too(picture: Path) -> None:
    grid = {"tile_grid_size": TileGrid(2, 1), "tile_overlap_ratio": 0.25, "tile_predictions_nms_threshold": 0.25}
    images = SquareInput({**VALUES, **grid}, Recipe(cut_or_whole), Sides(32, 32))
    views: list[ImageView] = images.eval_transform().views(picture.parent / "0.png")
    assert [view.pixels.shape for view in views] == [(64, 64, 3)] * 3
    assert images.tiling == Tiling(TileGrid(2, 1), 0.25)
    box = np.array([[4, 12, 36, 48]], np.float32)
    found = [Detections(box, np.array([score], np.float32), np.zeros(1, np.int64)) for score in (0.5, 0.9, 0.1)]
    merged = images.eval_transform().merge(found, views)
    assert (merged.width, merged.height) == (96, 80)
    assert merged.detections.scores[0] == pytest.approx(0.9)


def test_schedules() -> None:
    values = {"number_of_epochs": 10, "warmup_flat_steps": 500}
    flat = warmup_flat(values, 20)  # 200 batches, so that the warm-up takes 20
    assert [round(flat(step), 3) for step in (0, 9, 19, 20, 199)] == [0.048, 0.476, 0.952, 1.0, 1.0]
    cosine = flat_cosine(
        {
            **values,
            "flat_cosine_warmup_steps": 4,
            "flat_cosine_flat_share": 0.5,
            "flat_cosine_end": 0.5,
            "flat_cosine_last_share": 0.1,
        },
        20,
    )
    assert [round(cosine(step), 3) for step in (0, 1, 3)] == [0.04, 0.16, 0.64]
    assert [round(cosine(step), 3) for step in (4, 100, 140, 180, 199)] == [1.0, 1.0, 0.75, 0.5, 0.5]
    assert constant(values, 20)(150) == 1.0
