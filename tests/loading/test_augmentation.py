"""Crops, held against torchvision's transforms."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage import data
from torchvision.transforms import functional
from torchvision.transforms.v2 import CenterCrop, Compose, RandomResizedCrop, Resize
from vistry.loading.augmentation import CROP_AREA, CROP_ASPECT, TrainingCrop, ValidationCrop, _crop_box, _shift_hue


@pytest.fixture(scope="module")
def photograph(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("photograph") / "astronaut.png"
    Image.fromarray(data.astronaut()[:400]).save(path)
    return path


@pytest.mark.parametrize(("resize", "crop"), [(256, 224), (128, 96), (64, 64), (448, 448)])
def test_validation_crop_agrees_with_torchvision(photograph: Path, resize: int, crop: int) -> None:
    theirs = np.asarray(Compose([Resize(resize), CenterCrop(crop)])(Image.open(photograph).convert("RGB")))
    ours = ValidationCrop(resize, crop)(str(photograph))
    assert ours.shape == theirs.shape == (crop, crop, 3)
    assert np.abs(ours.astype(int) - theirs).mean() < 2


def test_training_crop_is_drawn_as_torchvision_draws_it() -> None:
    size = (500, 375)
    blank = Image.new("RGB", size)
    theirs = np.array([RandomResizedCrop.make_params(RandomResizedCrop(64), [blank])["height"] for _ in range(3000)])
    ours = []
    for seed in range(3000):
        random = np.random.default_rng(seed)
        areas = random.uniform(*CROP_AREA, 10)
        aspects = np.exp(random.uniform(*np.log(CROP_ASPECT), 10))
        left, top, right, bottom = _crop_box(size, areas, aspects, random)
        assert 0 <= left < right <= size[0]
        assert 0 <= top < bottom <= size[1]
        ours.append(bottom - top)
    for quantile in (0.1, 0.5, 0.9):
        assert np.quantile(ours, quantile) == pytest.approx(np.quantile(theirs, quantile), rel=0.06)


def test_an_image_too_long_for_any_crop_gives_its_centre() -> None:
    random = np.random.default_rng(0)
    box = _crop_box((1000, 10), np.full(10, 0.9), np.ones(10), random)
    assert box == pytest.approx((493.5, 0, 506.5, 10))


def test_training_crop_depends_on_its_generator_alone(photograph: Path) -> None:
    crop = TrainingCrop(48)
    first = crop(str(photograph), np.random.default_rng(1))
    np.testing.assert_array_equal(first, crop(str(photograph), np.random.default_rng(1)))
    assert (first != crop(str(photograph), np.random.default_rng(2))).any()


def test_half_of_the_training_crops_are_flipped(tmp_path: Path) -> None:
    pixels = np.zeros((64, 64, 3), np.uint8)
    pixels[:, :, 0] = np.arange(64) * 4
    Image.fromarray(pixels).save(tmp_path / "ramp.png")
    crops = [TrainingCrop(32)(str(tmp_path / "ramp.png"), np.random.default_rng(seed)) for seed in range(400)]
    rising = sum(int(crop[16, -1].sum()) > int(crop[16, 0].sum()) for crop in crops)
    assert 150 < rising < 250


def test_hue_turns_as_torchvision_turns_it() -> None:
    image = Image.fromarray(data.astronaut()).resize((64, 64))
    ours = np.asarray(_shift_hue(image, 0.25)).astype(int)
    theirs = np.asarray(functional.adjust_hue(image, 0.25)).astype(int)
    assert np.abs(ours - theirs).mean() < 1
