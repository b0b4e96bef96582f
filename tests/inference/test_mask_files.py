"""Masks as files: what is in them, and where they are."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from vistry.errors import RunError, VistryError
from vistry.inference.mask_files import file_name, write_masks

CLASSES = ("can", "milk/bottle")


@pytest.fixture
def two(detections):
    """A ring of class 1 and a rectangle of class 0 in an image of 60 x 40."""
    y, x = np.mgrid[:40, :60]
    ring, rectangle = (np.hypot(x - 20, y - 20) < 15) & (np.hypot(x - 20, y - 20) > 5), (x > 30) & (y > 30)
    return [ring, rectangle], detections([[5, 5, 35, 35], [31, 31, 60, 40]], [0.98766, 0.5], [1, 0], [ring, rectangle])


@pytest.mark.parametrize(("kind", "suffix"), [("JPG", "jpg"), ("PNG", "png"), ("BMP", "bmp")])
def test_files_hold_the_masks(tmp_path, two, kind, suffix):
    masks, objects = two
    paths = write_masks(tmp_path, "photos/shelf.jpeg", objects, classes=CLASSES, image_type=kind)
    assert [path.relative_to(tmp_path).as_posix() for path in paths] == [
        f"masks/shelf/milk_bottle/shelf_0_label_milk_bottle_conf_0.9877.{suffix}",
        f"masks/shelf/can/shelf_1_label_can_conf_0.5000.{suffix}",
    ]
    for path, mask in zip(paths, masks, strict=True):
        with Image.open(path) as image:
            assert (image.mode, image.size, image.format) == ("L", (60, 40), "JPEG" if kind == "JPG" else kind)
            values = np.asarray(image)
        assert np.array_equal(values > 127, mask)
        if kind != "JPG":
            assert set(values.flat) == {0, 255}


def test_images_of_one_name_have_their_own_folders(tmp_path, two):
    _, objects = two
    first = write_masks(tmp_path, tmp_path / "a" / "shelf.jpg", objects, classes=CLASSES, image_type="PNG")
    second = write_masks(tmp_path, tmp_path / "b" / "shelf.jpg", objects, classes=CLASSES, image_type="PNG")
    third = write_masks(tmp_path, tmp_path / "b" / "shelf.png", objects, classes=CLASSES, image_type="PNG")
    assert [paths[1].relative_to(tmp_path / "masks").as_posix() for paths in (first, second, third)] == [
        "shelf/can/shelf_1_label_can_conf_0.5000.png",
        "shelf-2/can/shelf-2_1_label_can_conf_0.5000.png",
        "shelf-3/can/shelf-3_1_label_can_conf_0.5000.png",
    ]
    assert write_masks(tmp_path, tmp_path / "b" / "shelf.jpg", objects, classes=CLASSES, image_type="PNG") == second


def test_classes_that_are_written_alike_keep_both_masks(tmp_path, detections):
    masks = [np.ones((4, 4), dtype=bool)] * 2
    objects = detections([[0, 0, 4, 4]] * 2, [0.5, 0.5], [0, 1], masks)
    assert (
        len({str(path) for path in write_masks(tmp_path, "x.png", objects, classes=("a:b", "a/b"), image_type="PNG")})
        == 2
    )


@pytest.mark.parametrize("name", ["../../../etc/x", "..", ".hidden", "/abs", "C:\\x", "a\nb\0", "", "con", "x" * 500])
def test_no_name_leaves_the_folder(tmp_path, detections, name):
    objects = detections([[0, 0, 4, 4]], [0.5], [0], [np.ones((4, 4), dtype=bool)])
    folder = tmp_path / "out"
    (path,) = write_masks(folder, f"{name}.png".replace("\0", ""), objects, classes=(name,), image_type="PNG")
    assert path.resolve().is_relative_to(folder.resolve() / "masks")
    assert len(path.relative_to(folder).parts) == 4
    assert path.exists()


@given(st.text())
def test_a_file_name_is_one(text):
    name = file_name(text)
    assert name
    assert not name.startswith(".")
    assert not set(name) & set('<>:"/\\|?*\0')
    assert len(name.encode()) <= 81


@pytest.mark.parametrize(
    ("text", "name"),
    [("dog", "dog"), ("milk bottle", "milk bottle"), ("Flügel", "Flügel"), ("NUL", "_NUL"), ("a?", "a_")],
)
def test_plain_names_stay(text, name):
    assert file_name(text) == name


def test_nothing_found_writes_nothing(tmp_path, detections):
    assert write_masks(tmp_path, "x.png", detections([], [], [], []), classes=CLASSES, image_type="PNG") == []
    assert (
        write_masks(tmp_path, "x.png", detections([[0, 0, 1, 1]], [0.5], [0]), classes=CLASSES, image_type="PNG") == []
    )
    assert list(tmp_path.iterdir()) == []


def test_image_types(tmp_path, two):
    assert write_masks(tmp_path, "x.png", two[1], classes=CLASSES, image_type="png")[0].suffix == ".png"
    with pytest.raises(VistryError, match="invalid image_type 'TIFF'; known: JPG, PNG, BMP"):
        write_masks(tmp_path, "x.png", two[1], classes=CLASSES, image_type="TIFF")


def test_a_folder_that_is_a_file(tmp_path, two):
    (tmp_path / "masks").write_text("")
    with pytest.raises(RunError, match="could not be written"):
        write_masks(tmp_path, "x.png", two[1], classes=CLASSES, image_type="PNG")


def test_no_half_written_file_stays(tmp_path, two, monkeypatch):
    def fail(*arguments, **options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Image.Image, "save", fail)
    with pytest.raises(RunError, match="disk is full"):
        write_masks(tmp_path, "x.png", two[1], classes=CLASSES, image_type="PNG")
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == [".image"]
