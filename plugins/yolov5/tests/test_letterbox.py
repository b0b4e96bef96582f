"""An image in a square and back: sizes, grey, boxes to half a pixel, tiles."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from vistry.evaluation.detection.types import Detections
from vistry.loading.views import identity_resizes
from vistry.registry.tile_grid import TileGrid
from vistry_yolov5.letterbox import LetterboxTransform, LetterboxView, fitted_size, margins

RED = (255, 0, 0)


@pytest.fixture
def picture(tmp_path):
    """Write a black image of a size with a red rectangle, losslessly."""

    def write(size, rectangle=None, name="a.png"):
        image = Image.new("RGB", size)
        if rectangle is not None:
            image.paste(RED, rectangle)
        image.save(tmp_path / name)
        return tmp_path / name

    return write


def found(*rows) -> Detections:
    """Detections of rows x1, y1, x2, y2, score, label."""
    table = np.array(rows, dtype=np.float32).reshape(-1, 6)
    return Detections(table[:, :4], table[:, 4], table[:, 5].astype(np.int64))


@pytest.mark.parametrize(
    ("size", "fitted", "margin"),
    [
        ((640, 480), (64, 48), (0, 8)),
        ((480, 640), (48, 64), (8, 0)),
        ((20, 10), (64, 32), (0, 16)),  # small images are made larger
        ((64, 64), (64, 64), (0, 0)),
        ((1000, 1), (64, 1), (0, 31)),
        ((64, 41), (64, 41), (0, 11)),
    ],
)
def test_sizes_in_the_square(size, fitted, margin):
    assert fitted_size(*size, 64) == fitted
    assert margins(*fitted, 64) == margin


@settings(max_examples=200)
@given(st.integers(1, 3000), st.integers(1, 3000), st.integers(1, 40))
def test_the_longer_side_is_that_of_the_square_and_the_aspect_stays(width, height, strides):
    side = 32 * strides
    fitted = fitted_size(width, height, side)
    assert max(fitted) == side
    assert min(fitted) >= 1
    assert abs(min(fitted) - min(width, height) * side / max(width, height)) <= 1
    left, top = margins(*fitted, side)
    assert 0 <= (side - fitted[0]) - 2 * left <= 1
    assert 0 <= (side - fitted[1]) - 2 * top <= 1


def test_around_the_image_is_grey_and_the_image_is_as_it_was(picture, tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (40, 64, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "b.png")
    [view] = LetterboxTransform(64).views(tmp_path / "b.png")
    np.testing.assert_array_equal(view.pixels[12:52], pixels)
    assert (view.pixels[:12] == 114).all()
    assert (view.pixels[52:] == 114).all()
    assert view.resize_info == identity_resizes(view.pixels[None])[0]


@pytest.mark.parametrize("size", [(200, 120), (31, 55), (97, 96), (640, 64), (50, 50)])
def test_a_rectangle_found_where_it_is_seen_is_where_it_was_drawn(picture, size):
    """By the pixels: the box around what is red in the square, taken back, is the rectangle to half a pixel."""
    width, height = size
    drawn = (width // 4, height // 8, width - width // 8, height - height // 4)
    eval_transform = LetterboxTransform(96)
    views = eval_transform.views(picture(size, drawn))
    red = (views[0].pixels[..., 0].astype(int) - views[0].pixels[..., 1]) > 127
    rows, columns = np.nonzero(red)
    box = columns.min(), rows.min(), columns.max() + 1, rows.max() + 1
    result = eval_transform.merge([found((*box, 0.9, 3))], views)
    assert (result.width, result.height) == size
    assert np.abs(result.detections.boxes[0] - drawn).max() <= 0.5 * max(1, max(size) / 96) + 0.01
    assert result.detections.labels.tolist() == [3]


@settings(max_examples=200)
@given(st.data())
def test_there_and_back_is_exact_to_half_a_pixel(data):
    """The square shows the image by the ratio of sizes that Pillow resizes by, from the margin that it is pasted at."""
    width, height, side = (
        data.draw(st.integers(1, 2000)),
        data.draw(st.integers(1, 2000)),
        data.draw(st.integers(32, 700)),
    )
    fractions = np.sort(np.array([[data.draw(st.floats(0, 1)) for _ in "xy"] for _ in "ab"]), axis=0)
    box = (fractions * (width, height)).reshape(4)
    fitted = fitted_size(width, height, side)
    shown = fractions * fitted + margins(*fitted, side)
    view = LetterboxView(np.zeros((side, side, 3), np.uint8), side, side, part=(width, height), fitted=fitted)
    back = view.in_part(found((*shown.reshape(4), 0.5, 1)))
    if len(back.boxes):
        assert np.abs(back.boxes[0] - box).max() <= 0.01
    else:
        assert ((fractions[1] - fractions[0]) * (width, height)).min() < 0.01


def test_what_reaches_into_the_grey_is_clipped_and_what_is_all_grey_is_gone(picture):
    eval_transform = LetterboxTransform(64)
    views = eval_transform.views(picture((128, 64)))  # 64 x 32 with 16 of grey above and below
    boxes = found((-5, 0, 70, 64, 0.9, 0), (0, 0, 64, 16, 0.8, 1), (10, 20, 20, 24, 0.7, 2), (5, 5, 5, 40, 0.6, 3))
    kept = eval_transform.merge([boxes], views).detections
    assert kept.labels.tolist() == [0, 2]
    np.testing.assert_allclose(kept.boxes, [[0, 0, 128, 64], [20, 8, 40, 16]])
    np.testing.assert_allclose(kept.scores, [0.9, 0.7])
    assert kept.boxes.dtype == np.float32


def test_nothing_found_is_nothing_in_the_image(picture):
    for eval_transform in (LetterboxTransform(64), LetterboxTransform(64, TileGrid(2, 1))):
        views = eval_transform.views(picture((100, 50)))
        result = eval_transform.merge([found()] * len(views), views)
        assert result.detections.boxes.shape == (0, 4)
        assert (result.width, result.height) == (100, 50)


def test_every_tile_fills_a_square_of_its_own(picture):
    """What is red is in the upper right quarter, 50 x 40 pixels, and fills a fifth of its width and half its height."""
    views = LetterboxTransform(64, TileGrid(2, 2)).views(picture((100, 80), (80, 0, 90, 20)))
    assert [(view.left, view.top, view.part) for view in views] == [
        (0, 0, (100, 80)),
        (0, 0, (50, 40)),
        (50, 0, (50, 40)),
        (0, 40, (50, 40)),
        (50, 40, (50, 40)),
    ]
    assert all(view.pixels.shape == (64, 64, 3) for view in views)
    red = [view.pixels[..., 0] > 200 for view in views]
    assert [bool(one.any()) for one in red] == [True, False, True, False, False]
    rows, columns = np.nonzero(red[2])
    # 50 x 40 is 64 x 51 with 6 above: 30/50 to 40/50 of 64, and 0 to a half of 51.
    assert np.abs(np.array([columns.min(), columns.max() + 1]) - [38.4, 51.2]).max() <= 1
    assert np.abs(np.array([rows.min(), rows.max() + 1]) - [6, 31.5]).max() <= 1


def test_what_several_views_show_is_found_once_in_pixels_of_the_image(picture):
    eval_transform = LetterboxTransform(64, TileGrid(2, 1), 0.0, 0.5)
    views = eval_transform.views(picture((128, 64)))  # in two tiles of 64 x 64, which are as they are
    whole = found((5, 21, 15, 31, 0.6, 0), (40, 20, 50, 30, 0.5, 1))
    left = found((10, 10, 30, 30, 0.9, 0), (11, 10, 30, 30, 0.8, 0))
    right = found((16, 8, 36, 28, 0.3, 1), (16, 8, 36, 28, 0.2, 0))
    result = eval_transform.merge([whole, left, right], views).detections
    np.testing.assert_allclose(result.scores, [0.9, 0.8, 0.5, 0.2])  # never within a view, never across classes
    np.testing.assert_allclose(result.boxes, [[10, 10, 30, 30], [11, 10, 30, 30], [80, 8, 100, 28], [80, 8, 100, 28]])
    assert result.labels.tolist() == [0, 0, 1, 0]


def test_the_network_gets_squares_of_one_size():
    eval_transform = LetterboxTransform(64)
    assert (eval_transform.size_divisor, eval_transform.variable_size) == (32, False)
