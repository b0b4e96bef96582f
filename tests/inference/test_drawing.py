"""Pictures of detections: where colours are, and what doesn't break them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from vistry.errors import RunError, VistryError
from vistry.inference.drawing import colour_of, draw_detections, write_drawing
from vistry.inference.label_placement import font_for, text_colour_on

CLASSES = ("ant", "bee", "cat")
GREY = 128


def image(width, height):
    return np.full((height, width, 3), GREY, dtype=np.uint8)


def contrast(one, other):
    """The contrast ratio of WCAG 2.1, by its text."""
    light = []
    for colour in (one, other):
        channels = np.array(colour) / 255
        linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
        light.append(float(linear @ [0.2126, 0.7152, 0.0722]))
    return (max(light) + 0.05) / (min(light) + 0.05)


@pytest.mark.parametrize(("width", "height", "stroke"), [(800, 600, 2), (4000, 3000, 11)])
def test_a_box_is_drawn_on_its_edges(detections, width, height, stroke):
    x1, y1, x2, y2 = width // 4, height // 4, width // 2, height // 2
    picture = np.asarray(draw_detections(image(width, height), detections([[x1, y1, x2, y2]], [0.5], [1]), CLASSES))
    assert picture.shape == (height, width, 3)
    row = (picture[(y1 + y2) // 2] == colour_of(1)).all(axis=1).nonzero()[0].tolist()
    assert row == [*range(x1, x1 + stroke), *range(x2 - stroke, x2)]
    column = (picture[:, (x1 + x2) // 2] == colour_of(1)).all(axis=1).nonzero()[0]
    assert column[-stroke:].tolist() == list(range(y2 - stroke, y2))


@pytest.mark.parametrize("width", [800, 4000])
def test_labels_grow_with_the_image(detections, width):
    box = [width / 4, width / 4, width / 2, width / 2]
    picture = np.asarray(draw_detections(image(width, width // 2), detections([box], [0.5], [0]), CLASSES))
    above = picture[: width // 4 - 1]
    y, x = (above == colour_of(0)).all(axis=2).nonzero()
    assert 0.015 < (y.max() - y.min()) / width < 0.04
    assert 0.05 < (x.max() - x.min()) / width < 0.2


def test_a_mask_is_seen_through(detections):
    mask = np.zeros((600, 800), dtype=bool)
    mask[100:300, 200:500] = True
    mask[180:220, 300:400] = False
    pixels = image(800, 600)
    picture = np.asarray(
        draw_detections(pixels, detections([[200, 100, 500, 300]], [0.9], [2], [mask]), CLASSES)
    ).astype(int)
    expected = 0.65 * GREY + 0.35 * np.array(colour_of(2))
    assert np.abs(picture[150, 250] - expected).max() <= 1
    assert picture[200, 350].tolist() == [GREY] * 3
    assert picture[500, 600].tolist() == [GREY] * 3
    assert (pixels == GREY).all()


def test_the_surest_is_on_top(detections):
    boxes_with_masks = detections([[100, 100, 300, 300], [100, 100, 300, 300]], [0.9, 0.3], [0, 1])
    picture = np.asarray(draw_detections(image(800, 600), boxes_with_masks, CLASSES))
    assert tuple(picture[200, 100]) == colour_of(0)


def test_labels_of_neighbours_do_not_cover_each_other(detections):
    boxes = [[100, 100, 200, 200], [104, 102, 204, 202], [108, 104, 208, 204]]
    picture = np.asarray(draw_detections(image(800, 600), detections(boxes, [0.9, 0.8, 0.7], [0, 1, 2]), CLASSES))
    areas = [(picture == colour_of(label)).all(axis=2).sum() for label in range(3)]
    alone = np.asarray(draw_detections(image(800, 600), detections(boxes[:1], [0.9], [0]), CLASSES))
    assert min(areas) > 0.7 * (alone == colour_of(0)).all(axis=2).sum()


@pytest.mark.parametrize(("side", "drawn_side"), [(1, 640), (64, 640), (256, 768), (640, 640), (641, 641)])
def test_small_images_are_enlarged(detections, side, drawn_side):
    mask = np.ones((side, side), dtype=bool)
    picture = draw_detections(image(side, side), detections([[0, 0, side, side]], [0.5], [0], [mask]), CLASSES)
    assert picture.size == (drawn_side, drawn_side)
    assert tuple(np.asarray(picture)[-1, -1]) == colour_of(0)


@pytest.mark.parametrize(
    "boxes",
    [[[-50, -50, 900, 700]], [[799, 599, 800, 600]], [[10, 10, 10, 10]], [[900, 900, 950, 950]], []],
)
def test_odd_boxes_are_drawn(detections, boxes):
    labels = [0] * len(boxes)
    assert draw_detections(image(800, 600), detections(boxes, [0.5] * len(boxes), labels), CLASSES).size == (800, 600)


@pytest.mark.parametrize("name", ["", "two\nlines", "x" * 300, "\N{CAT}", "\N{LATIN SMALL LETTER U WITH DIAERESIS}"])
def test_odd_class_names_are_drawn(detections, name):
    assert draw_detections(image(800, 600), detections([[9, 9, 99, 99]], [0.5], [0]), (name,)).size == (800, 600)


def test_plain_names_use_the_same_font_everywhere():
    assert font_for("dog 0.5", 14.0).getname()[0] == "Aileron"


def test_colours_are_stable_and_apart():
    colours = [colour_of(label) for label in range(12)]
    assert colours[:3] == [(242, 40, 13), (13, 52, 242), (119, 242, 13)]
    apart = [np.abs(np.subtract(one, other)).sum() for index, one in enumerate(colours) for other in colours[:index]]
    assert min(apart) > 60
    assert len({colour_of(label) for label in range(200)}) == 200


@given(st.tuples(*[st.integers(0, 255)] * 3))
def test_ink_is_readable(colour):
    ink = text_colour_on(colour)
    assert contrast(ink, colour) >= 4.5
    assert contrast(ink, colour) >= max(contrast((0, 0, 0), colour), contrast((255, 255, 255), colour)) - 1e-9


@pytest.mark.parametrize(
    ("name", "kind"), [("a.png", "PNG"), ("a.jpg", "JPEG"), ("a.JPEG", "JPEG"), ("a.webp", "WEBP")]
)
def test_the_suffix_says_the_kind(tmp_path, detections, name, kind):
    write_drawing(tmp_path / "new" / name, image(800, 600), detections([[9, 9, 99, 99]], [0.5], [0]), classes=CLASSES)
    with Image.open(tmp_path / "new" / name) as picture:
        assert (picture.format, picture.size) == (kind, (800, 600))
    assert [path.name for path in (tmp_path / "new").iterdir()] == [name]


@pytest.mark.parametrize("name", ["a.txt", "a", "a.svg"])
def test_other_suffixes_are_refused(tmp_path, detections, name):
    with pytest.raises(VistryError, match=r"invalid image format .*; use \.jpg or \.png"):
        write_drawing(tmp_path / name, image(8, 8), detections([], [], []), classes=CLASSES)
    assert list(tmp_path.iterdir()) == []


def test_a_picture_that_cannot_be_written_leaves_the_old_one(tmp_path, detections, monkeypatch):
    (tmp_path / "a.png").write_bytes(b"old")

    def fail(*arguments, **options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Image.Image, "save", fail)
    with pytest.raises(RunError, match="disk is full"):
        write_drawing(tmp_path / "a.png", image(8, 8), detections([], [], []), classes=CLASSES)
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("a.png", b"old")]
