"""The training recipe: where objects end up with their pixels, what is dropped, colours."""

from __future__ import annotations

import colorsys
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from vistry.loading.detection.sample import DetectionSample
from vistry_yolov5.letterbox import fitted_size
from vistry_yolov5.recipe import (
    Affine,
    Colours,
    Rectangle,
    Scene,
    colour_change,
    draw_scene,
    mosaic_scene,
    single_scene,
    training_sample,
)

SIDE = 96
INSIDE = np.array([1, 1, -1, -1])
SEEDS = st.integers(0, 2**32)
PURE = np.array([[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 0]], dtype=np.uint8)


def painted(label: int, seed: int, side: int = SIDE) -> DetectionSample:
    """A dark grey image whose longer side is `side`, with one object in the pure colour of its label."""
    random = np.random.default_rng(seed)
    width, height = fitted_size(*random.integers(40, 160, 2).tolist(), side)
    sides = np.maximum(random.uniform(0.15, 0.7, 2) * (width, height), 6).astype(int)
    left, top = random.integers(0, (width, height) - sides + 1)
    right, bottom = left + sides[0], top + sides[1]
    pixels = np.full((height, width, 3), 40, dtype=np.uint8)
    pixels[top:bottom, left:right] = PURE[label]
    boxes = np.array([[left, top, right, bottom]], dtype=np.float32)
    return DetectionSample(pixels, boxes, np.array([label]), np.array([label % 2 == 1]))


def shown_as(pixels: np.ndarray, label: int) -> np.ndarray:
    """[H, W] where a pixel has more than half of what sets the label's colour apart, whatever its shade."""
    planes = pixels.astype(int)
    own = PURE[label] > 0
    difference = planes[..., own].min(axis=-1) - planes[..., ~own].max(axis=-1)
    return difference > max(difference.max() / 2, 10)


def colour_box(pixels: np.ndarray, label: int) -> np.ndarray | None:
    """x1, y1, x2, y2 around all pixels of a label's colour."""
    rows, columns = np.nonzero(shown_as(pixels, label))
    return np.array([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]) if len(rows) else None


def check_pixels(sample: DetectionSample) -> None:
    """Each box is where the pixels of its label's colour are, and filled with them."""
    for box, label in zip(sample.boxes, sample.labels.tolist(), strict=True):
        seen = colour_box(sample.pixels, label)
        assert seen is not None
        assert np.abs(seen - box).max() <= 1
        left, top, right, bottom = np.rint(box).astype(int) + INSIDE
        assert shown_as(sample.pixels, label)[top:bottom, left:right].all()


@settings(max_examples=120)
@given(SEEDS, SEEDS, st.booleans(), st.booleans())
def test_objects_stay_with_their_pixels_labels_and_flags(seed, draw, mosaic, augment):
    sources = [painted(label, seed + label) for label in range(4)][: 4 if mosaic else 1]
    sample = training_sample(sources, SIDE, np.random.default_rng(draw), augment)
    assert sample.pixels.shape == (SIDE, SIDE, 3)
    assert (sample.boxes >= 0).all()
    assert (sample.boxes <= SIDE).all()
    assert len(set(sample.labels.tolist())) == len(sample.labels)
    np.testing.assert_array_equal(sample.crowd, sample.labels % 2 == 1)
    check_pixels(sample)


@settings(max_examples=120)
@given(SEEDS, SEEDS, st.booleans())
def test_what_is_seen_well_is_not_dropped(seed, draw, mosaic):
    """By the pixels: a colour of which much more is seen than a fifth of the object at its size has a box."""
    sources = [painted(label, seed + label) for label in range(4)][: 4 if mosaic else 1]
    sample = training_sample(sources, SIDE, np.random.default_rng(draw), augment=True)
    for label, source in enumerate(sources):
        seen = colour_box(sample.pixels, label)
        whole = np.prod(source.boxes[0, 2:] - source.boxes[0, :2]) * 1.5**2
        if seen is not None and (seen[2:] - seen[:2]).min() > 6:
            width, height = seen[2:] - seen[:2]
            assert label in sample.labels or width * height < 0.3 * whole


@settings(max_examples=150)
@given(
    SEEDS,
    st.floats(0.5, 1.5),
    st.tuples(st.floats(0.4, 0.6), st.floats(0.4, 0.6)),
    st.tuples(st.floats(0.5, 1.5), st.floats(0.5, 1.5)),
)
def test_boxes_are_the_clipped_affine_images_of_those_that_keep_enough(seed, scale, middle, centre):
    sources = [crowded(place, seed + place) for place in range(4)]
    affine = Affine(scale, middle[0] * SIDE, middle[1] * SIDE)
    sizes = [(source.width, source.height) for source in sources]
    sample = draw_scene(sources, mosaic_scene(sizes, SIDE, np.array(centre) * SIDE, affine))
    found = dict(zip(sample.labels.tolist(), sample.boxes, strict=True))
    assert len(found) == len(sample.labels)
    expected = [
        one
        for place, source in enumerate(sources)
        for one in affine_images(place, source, np.array(centre) * SIDE, affine)
    ]
    assert set(found) <= {label for label, _, _ in expected}
    for label, whole, clipped in expected:
        wide, high = np.maximum(clipped[2:] - clipped[:2], 0)
        ratio = wide * high / np.prod(whole[2:] - whole[:2])
        if label in found:
            # Edges lie on whole pixels, so half of one off, and a piece's size is rounded as well.
            assert np.abs(found[label] - clipped).max() <= 1.01
            kept = found[label][2:] - found[label][:2]
            assert (kept > 2).all()
            assert kept.max() / kept.min() < 20
            assert np.prod(kept) > 0.2 * np.prod(whole[2:] - whole[:2] - 1)
        elif min(wide, high) > 5:
            assert ratio < 0.2 + 2 / min(wide, high) or max(wide, high) / min(wide, high) > 12


def crowded(place: int, seed: int) -> DetectionSample:
    """A black image with six objects of any size; labels tell all objects of four such images apart."""
    random = np.random.default_rng(seed)
    width, height = fitted_size(*random.integers(30, 160, 2).tolist(), SIDE)
    points = np.sort(random.uniform(0, 1, (6, 2, 2)), axis=1)
    boxes = (points * (width, height)).reshape(6, 4).astype(np.float32)
    labels = np.arange(6) + 6 * place
    return DetectionSample(np.zeros((height, width, 3), np.uint8), boxes, labels, np.zeros(6, bool))


def affine_images(place: int, source: DetectionSample, centre: np.ndarray, affine: Affine):
    """Label, box, and box clipped to canvas and output, by the recipe as it is written: canvas, then affine map."""
    corner = centre - [0 if place % 2 else source.width, 0 if place // 2 else source.height]
    for label, box in zip(source.labels.tolist(), source.boxes.astype(float), strict=True):
        on_canvas = box + np.tile(corner, 2)
        inside = on_canvas.clip(0, 2 * SIDE)
        whole, clipped = ((corners - SIDE) * affine.scale + (affine[1:] * 2) for corners in (on_canvas, inside))
        yield label, whole, clipped.clip(0, SIDE)


def noisy(width: int, height: int, seed: int = 0) -> DetectionSample:
    random = np.random.default_rng(seed)
    pixels = random.integers(0, 256, (height, width, 3), dtype=np.uint8)
    boxes = np.array([[3, 5, 30, 28]], dtype=np.float32)
    return DetectionSample(pixels, boxes, np.array([2]), np.array([False]))


def test_a_square_image_with_neutral_parameters_is_itself():
    source = noisy(64, 64)
    sample = training_sample([source], 64, np.random.default_rng(0), augment=False)
    np.testing.assert_array_equal(sample.pixels, source.pixels)
    np.testing.assert_array_equal(sample.boxes, source.boxes)
    coloured = draw_scene([source], single_scene((64, 64), 64, Affine(1, 32, 32)), Colours())
    np.testing.assert_array_equal(coloured.pixels, source.pixels)


def test_an_oblong_image_with_neutral_parameters_is_in_the_middle_of_grey():
    source = noisy(64, 41)
    sample = training_sample([source], 64, np.random.default_rng(0), augment=False)
    np.testing.assert_array_equal(sample.pixels[11:52], source.pixels)
    assert (sample.pixels[:11] == 114).all()
    assert (sample.pixels[52:] == 114).all()
    np.testing.assert_array_equal(sample.boxes, source.boxes + np.array([0, 11, 0, 11]))


def test_a_mosaic_with_neutral_parameters_is_the_middle_of_the_canvas():
    sources = [noisy(64, 40, 1), noisy(64, 64, 2), noisy(30, 64, 3), noisy(64, 50, 4)]
    canvas = np.full((128, 128, 3), 114, dtype=np.uint8)
    x, y = 70, 49
    canvas[y - 40 : y, x - 64 : x] = sources[0].pixels
    canvas[0:y, x:128] = sources[1].pixels[64 - y :, : 128 - x]
    canvas[y : y + 64, x - 30 : x] = sources[2].pixels
    canvas[y : y + 50, x:128] = sources[3].pixels[:, : 128 - x]
    sizes = [(source.width, source.height) for source in sources]
    sample = draw_scene(sources, mosaic_scene(sizes, 64, np.array([x, y]), Affine(1, 32, 32)))
    np.testing.assert_array_equal(sample.pixels, canvas[32:96, 32:96])
    # Upper left: 3 + 70 - 64 - 32 < 0, so cut at 0; upper right: 5 + 49 - 64 - 32 and 28 + 49 - 64 - 32 are above;
    # lower left: 3 + 70 - 30 - 32 = 11 and 5 + 49 - 32 = 22; lower right: 3 + 70 - 32 = 41.
    assert sample.labels.tolist() == [2, 2]
    np.testing.assert_array_equal(sample.boxes, [[11, 22, 38, 45], [41, 22, 64, 45]])


def test_only_what_the_canvas_holds_is_seen():
    """At half the size the canvas ends within the output: what reaches over its edge isn't drawn, and not a box."""
    source = replace(noisy(64, 64), boxes=np.array([[20, 5, 60, 28]], dtype=np.float32))
    blank = DetectionSample(np.zeros((1, 64, 3), np.uint8), source.boxes[:0], source.labels[:0], source.crowd[:0])
    scene = mosaic_scene([(64, 64)] + [(64, 1)] * 3, 64, np.array([33, 64]), Affine(0.5, 38, 32))
    sample = draw_scene([source, blank, blank, blank], scene)
    # The canvas begins at 38 - 64 / 2 = 6; the first image ends at (33 - 64) / 2 + 38 = 22, rounded, and begins at -10.
    # It ends at 32 downwards, so the object is 10 to 30 less 10 across, and 5 to 28 halved plus 0 downwards.
    assert (sample.pixels[:, :6] == 114).all()
    assert (sample.pixels[:30, 6:22] != 114).any(axis=(0, 2)).all()
    assert (sample.pixels[:, 22:] == 114).sum() > 1000
    np.testing.assert_array_equal(sample.boxes, [[6, 2.5, 20, 14]])


@pytest.mark.parametrize(
    ("box", "kept"),
    [
        ((10, 10, 12, 40), False),  # 2 wide
        ((10, 10, 12.5, 40), True),
        ((10, 10, 40, 12), False),
        ((5, 10, 65, 13), False),  # 20 times as wide as high
        ((6, 10, 65, 13), True),
        ((-80, 10, 20, 30), False),  # a fifth of it is inside
        ((-79, 10, 20, 30), True),
        ((70, 10, 80, 30), True),
        ((80, 10, 90, 30), False),
        ((20, 30, 20, 30), False),
    ],
)
def test_which_boxes_are_kept(box, kept):
    pixels, boxes = np.zeros((80, 80, 3), np.uint8), np.array([box], np.float32)
    source = DetectionSample(pixels, boxes, np.zeros(1, int), np.ones(1, bool))
    sample = draw_scene([source], Scene(80, [Rectangle(0, 0, 80, 80)], Rectangle(0, 0, 80, 80)))
    assert len(sample.boxes) == kept
    assert sample.crowd.tolist() == [True] * kept


def test_without_objects_there_are_none():
    sources = [painted(label, label).take(np.zeros(1, bool)) for label in range(4)]
    for count in (1, 4):
        sample = training_sample(sources[:count], SIDE, np.random.default_rng(0), augment=True)
        assert sample.boxes.shape == (0, 4)
        assert sample.boxes.dtype == np.float32
        assert sample.labels.dtype == np.int64


def test_what_is_too_small_leaves_the_rest_in_order():
    source = crowded(0, 3)
    moved = draw_scene([source], single_scene((source.width, source.height), SIDE, Affine(1, SIDE / 2, SIDE / 2)))
    sides = source.boxes[:, 2:] - source.boxes[:, :2]
    kept = (sides > 2).all(axis=1) & (sides.max(axis=1) < 20 * sides.min(axis=1))
    assert moved.labels.tolist() == source.labels[kept].tolist()


def many(draws: int, augment: bool = True) -> list[DetectionSample]:
    source = painted(0, 5, 32)
    return [training_sample([source] * 4, 32, np.random.default_rng(draw), augment) for draw in range(draws)]


def test_the_same_generator_gives_the_same_sample_and_another_another():
    samples = many(12)
    for once, again in zip(samples, many(12), strict=True):
        np.testing.assert_array_equal(once.pixels, again.pixels)
        np.testing.assert_array_equal(once.boxes, again.boxes)
    assert len({sample.pixels.tobytes() for sample in samples}) == 12


def test_half_of_the_samples_are_flipped_and_no_more_is_changed_without_augmentation():
    """A source that is red at its left and blue at its right, alone, so that its side tells."""
    pixels = np.zeros((32, 32, 3), dtype=np.uint8)
    pixels[:, :16, 0] = pixels[:, 16:, 2] = 255
    source = DetectionSample(pixels, np.zeros((0, 4), np.float32), np.zeros(0, int), np.zeros(0, bool))
    flipped, count = 0, 400
    for draw in range(count):
        sample = training_sample([source], 32, np.random.default_rng(draw), augment=True)
        red, blue = (np.nonzero(shown_as(sample.pixels, label))[1].mean() for label in (0, 2))
        flipped += red > blue
        plain = training_sample([source], 32, np.random.default_rng(draw), augment=False)
        np.testing.assert_array_equal(plain.pixels, pixels)
    assert flipped == pytest.approx(count / 2, abs=4 * (count / 4) ** 0.5)


def test_sizes_and_places_go_through_their_ranges():
    """By a red square in the middle, 20 of 40 pixels: how wide it is seen, and where its middle is, over many draws."""
    pixels = np.zeros((40, 40, 3), dtype=np.uint8)
    pixels[10:30, 10:30] = PURE[0]
    source = DetectionSample(pixels, np.zeros((0, 4), np.float32), np.zeros(0, int), np.zeros(0, bool))
    boxes = np.array(
        [
            colour_box(training_sample([source], 40, np.random.default_rng(draw), augment=True).pixels, 0)
            for draw in range(400)
        ]
    )
    sides, middles = boxes[:, 2:] - boxes[:, :2], (boxes[:, 2:] + boxes[:, :2]) / 2
    assert (sides.min(axis=0) == 10).all()
    assert (sides.max(axis=0) == 30).all()
    assert (np.abs(middles.min(axis=0) - 16) <= 0.5).all()
    assert (np.abs(middles.max(axis=0) - 24) <= 0.5).all()


def test_the_four_meet_anywhere_in_the_middle_half_of_the_canvas():
    """By how much of the first one, which is red, is seen: with nothing else random, none of it to all of it."""
    full = np.ones((40, 40, 1), dtype=np.uint8)
    red, blue = (
        DetectionSample(full * PURE[label], np.zeros((0, 4), np.float32), np.zeros(0, int), np.zeros(0, bool))
        for label in (0, 2)
    )
    corners = []
    for draw in range(300):
        seen = training_sample([red, blue, blue, blue], 40, np.random.default_rng(draw), augment=False).pixels[..., 0]
        corners.append(((seen == 255).any(axis=0).sum(), (seen == 255).any(axis=1).sum()))
    across, down = np.array(corners).T
    assert min(across[down > 0]) <= 1
    assert min(down[across > 0]) <= 1
    assert max(across) == max(down) == 40
    assert np.corrcoef(across, down)[0, 1] < 0.5


@settings(max_examples=60)
@given(SEEDS, st.floats(0.985, 1.015), st.floats(0.3, 1.7), st.floats(0.6, 1.4))
def test_colours_are_those_of_colorsys(seed, hue, saturation, value):
    pixels = np.random.default_rng(seed).integers(0, 256, (5, 8, 3), dtype=np.uint8)
    pixels[0, :4] = [[0, 0, 0], [255, 255, 255], [114, 114, 114], [255, 0, 1]]
    changed = colour_change(Colours(hue, saturation, value))(pixels)
    for before, after in zip(pixels.reshape(-1, 3), changed.reshape(-1, 3), strict=True):
        h, s, v = colorsys.rgb_to_hsv(*(before / 255).tolist())
        expected = colorsys.hsv_to_rgb(h * hue % 1, min(s * saturation, 1), min(v * value, 1))
        np.testing.assert_allclose(after, np.array(expected) * 255, atol=0.51)


@settings(max_examples=20)
@given(SEEDS)
def test_colours_times_one_are_the_same(seed):
    pixels = np.random.default_rng(seed).integers(0, 256, (16, 16, 3), dtype=np.uint8)
    np.testing.assert_array_equal(colour_change(Colours())(pixels), pixels)


def test_colours_of_more_pixels_than_are_changed_at_once():
    pixels = np.random.default_rng(0).integers(0, 256, (300, 200, 3), dtype=np.uint8)
    work = colour_change(Colours(1.01, 0.5, 1.3))
    np.testing.assert_array_equal(work(pixels), np.concatenate([work(row[None]) for row in pixels]))


def test_all_three_colour_parameters_are_drawn_in_their_ranges():
    """From a square of one colour that fills the output: its hue, saturation and value over many draws."""
    colour = np.array([60, 90, 120])
    source = DetectionSample(
        np.tile(colour.astype(np.uint8), (16, 16, 1)), np.zeros((0, 4)), np.zeros(0, int), np.zeros(0, bool)
    )
    seen = []
    for draw in range(300):
        middle = training_sample([source], 16, np.random.default_rng(draw), augment=True).pixels[8, 8]
        seen.append(colorsys.rgb_to_hsv(*(middle / 255).tolist()))
    factors = np.array(seen) / colorsys.rgb_to_hsv(*(colour / 255).tolist())
    # A level of 255 is up to 0.02 of what these are, and more of a small chroma's hue.
    assert (np.abs(factors - 1).max(axis=0) <= np.array([0.045, 0.73, 0.41])).all()
    assert (np.ptp(factors, axis=0) > np.array([0.02, 1.3, 0.75])).all()
