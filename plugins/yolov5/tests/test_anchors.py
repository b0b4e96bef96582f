from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from vistry_yolov5.anchors import best_possible_recall, better_anchors, fit_by_kmeans
from vistry_yolov5.architecture import ANCHORS

PRESENT = np.array(ANCHORS, dtype=np.float32).reshape(9, 2)


def random() -> np.random.Generator:
    return np.random.default_rng(0)


def clustered(shapes: npt.NDArray[np.float64], each: int = 40) -> npt.NDArray[np.float64]:
    """Boxes within 5 % of some shapes."""
    return np.repeat(shapes, each, axis=0) * random().uniform(0.95, 1.05, (len(shapes) * each, 2))


def test_a_box_is_matched_while_neither_side_is_four_times_the_other() -> None:
    anchors = np.array([[10.0, 10.0], [400.0, 20.0]])
    matched = [(39, 39), (2.6, 10), (390, 70), (26, 6)]
    missed = [(40, 10), (2.5, 10), (400, 80), (2, 40), (0, 10), (1000, 1000)]
    for size in matched:
        assert best_possible_recall(np.array([size]), anchors) == 1.0, size
    for size in missed:
        assert best_possible_recall(np.array([size]), anchors) == 0.0, size
    assert best_possible_recall(np.array(matched + missed), anchors) == pytest.approx(0.4)


def test_two_anchors_dont_match_a_box_by_halves() -> None:
    assert best_possible_recall(np.array([[100.0, 100.0]]), np.array([[100.0, 10.0], [10.0, 100.0]])) == 0.0


def test_no_box_is_missed_where_there_is_none() -> None:
    assert best_possible_recall(np.zeros((0, 2)), PRESENT) == 1.0


def test_fit_by_kmeans_are_the_shapes_there_are() -> None:
    shapes = np.array([[2, 3], [4, 30], [9, 9], [30, 5], [20, 60], [70, 40], [90, 200], [300, 120], [500, 500]], float)
    fitted = fit_by_kmeans(clustered(shapes), random())
    expected = shapes[np.argsort(shapes.prod(axis=1))]
    np.testing.assert_allclose(fitted, expected, rtol=0.03)


def test_fit_by_kmeans_come_by_area() -> None:
    fitted = fit_by_kmeans(random().uniform(2, 600, (500, 2)), random())
    assert fitted.shape == (9, 2)
    assert (np.diff(fitted.prod(axis=1)) >= 0).all()


def test_the_same_numbers_give_the_same_anchors() -> None:
    sizes = random().uniform(2, 600, (300, 2))
    np.testing.assert_array_equal(fit_by_kmeans(sizes, random()), fit_by_kmeans(sizes, random()))


@pytest.mark.parametrize("distinct", [1, 2, 8, 9])
def test_few_sizes_are_anchors_themselves(distinct: int) -> None:
    shapes = np.geomspace(1, 900, distinct)[:, None] * np.array([[1.0, 0.5]])
    fitted = fit_by_kmeans(np.repeat(shapes, 5, axis=0), random())
    assert fitted.shape == (9, 2)
    np.testing.assert_allclose(np.unique(fitted.round(6), axis=0), np.unique(shapes.round(6), axis=0))


def test_boxes_without_area_dont_count_in_a_fit() -> None:
    sizes = np.array([[0.0, 5.0], [30.0, 20.0], [3.0, 0.0]])
    np.testing.assert_allclose(fit_by_kmeans(sizes, random()), np.tile([30.0, 20.0], (9, 1)))
    with pytest.raises(ValueError, match="no box has a width and a height"):
        fit_by_kmeans(sizes[::2], random())


@pytest.mark.parametrize("sizes", [np.zeros((0, 2)), np.zeros((4, 2)), PRESENT * 1.5])
def test_anchors_stay_where_they_do(sizes: npt.NDArray[np.float64]) -> None:
    anchors, sentence = better_anchors(sizes, PRESENT)
    assert anchors is PRESENT
    assert sentence is None


def test_anchors_stay_until_they_miss_two_boxes_in_a_hundred() -> None:
    tiny, usual = np.array([[1.0, 1.0]]), np.array([[30.0, 30.0]])
    assert better_anchors(np.repeat([*usual, *tiny], [98, 2], axis=0), PRESENT)[1] is None
    anchors, sentence = better_anchors(np.repeat([*usual, *tiny], [97, 3], axis=0), PRESENT)
    assert best_possible_recall(tiny, anchors) == 1.0
    assert sentence == (
        "the anchors were fitted to the training data's boxes: they match 100.0% of the boxes, "
        "the previous anchors matched 97.0%"
    )


def test_anchors_stay_where_no_others_match_more() -> None:
    """Ten shapes, each too far from the others for one anchor to match two."""
    shapes = 20.0 ** np.arange(10)[:, None] * np.ones(2)
    present = shapes[:9]
    anchors, sentence = better_anchors(shapes, present)
    assert anchors is present
    assert sentence is None
