"""Where boxes and masks are drawn in a picture."""

from __future__ import annotations

import base64
import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from vistry.report.detection_picture import COLOURS, Outline, object_picture


def pixels_of(uri: str) -> Any:
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(uri.split(",")[1]))).convert("RGB")).astype(int)


def near(pixels: Any, colour: tuple[int, int, int]) -> Any:
    return np.abs(pixels - colour).max(axis=2) < 60


@pytest.fixture
def grey(tmp_path: Path) -> str:
    Image.new("RGB", (200, 100), (128, 128, 128)).save(tmp_path / "grey.png")
    return str(tmp_path / "grey.png")


def test_a_box_is_drawn_where_it_is(grey: str) -> None:
    """The region is 48 pixels wide and starts at (76, 26): a pixel is drawn with 5."""
    picture = object_picture(grey, (90, 40, 110, 60), [Outline((90, 40, 110, 60), "true")])
    assert picture is not None
    drawn = near(pixels_of(picture.uri), COLOURS["true"])
    rows, columns = np.flatnonzero(drawn.any(axis=1)), np.flatnonzero(drawn.any(axis=0))
    assert (picture.width, picture.height) == (240, 240)
    assert np.abs(np.array([rows[0], rows[-1], columns[0], columns[-1]]) - [70, 169, 70, 169]).max() <= 2
    assert not drawn[80:160, 80:160].any()


def test_a_region_stays_in_the_image(grey: str) -> None:
    picture = object_picture(grey, (0, 0, 20, 20), [Outline((0, 0, 20, 20), "predicted")])
    assert picture is not None
    drawn = near(pixels_of(picture.uri), COLOURS["predicted"])
    assert drawn[:, 97:101].any()
    assert not drawn[:, 110:].any()


def test_an_object_larger_than_the_image_is_high(grey: str) -> None:
    picture = object_picture(grey, (0, 0, 200, 100), [Outline((0, 0, 200, 100), "true")])
    assert picture is not None
    pixels = pixels_of(picture.uri)
    assert pixels[:50].max() < 60
    assert near(pixels, COLOURS["true"]).any()


def test_a_mask_is_shaded(grey: str) -> None:
    mask = np.zeros((100, 200), np.bool_)
    mask[45:55, 95:105] = True
    picture = object_picture(grey, (90, 40, 110, 60), [Outline((90, 40, 110, 60), "predicted", mask)])
    assert picture is not None
    pixels = pixels_of(picture.uri)
    assert pixels[120, 120, 0] > pixels[120, 120, 2] + 30
    assert np.abs(pixels[85, 85] - 128).max() < 20


def test_no_picture_without_a_file(tmp_path: Path) -> None:
    (tmp_path / "broken.png").write_bytes(b"no image")
    assert object_picture(str(tmp_path / "broken.png"), (0, 0, 20, 20), []) is None
    assert object_picture(str(tmp_path / "gone.png"), (0, 0, 20, 20), []) is None
