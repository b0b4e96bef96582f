"""Operating points against scikit-learn's curves, and against counts made by hand."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import precision_recall_curve, precision_recall_fscore_support
from vistry.evaluation.operating_point import Answers, curve_of, figures_at, measured_at
from vistry.evaluation.resampling import resampled_sums


def answers_of(truth: object, scores: object) -> Answers:
    """Answers about every class of every image, from truth [N, C] and scores [N, C]."""
    labels = np.asarray(truth, bool)
    images, classes = labels.shape
    return Answers(
        np.asarray(scores, np.float32).ravel(),
        np.tile(np.arange(classes), images),
        labels.ravel(),
        np.repeat(np.arange(images), classes),
        labels.astype(np.int64),
    )


def random_answers(seed: int, images: int = 60, classes: int = 3, digits: int | None = None) -> tuple[Answers, object]:
    random = np.random.default_rng(seed)
    truth = random.random((images, classes)) < 0.3
    scores = (truth * 0.3 + random.random((images, classes)) * 0.7).astype(np.float32)
    scores = np.clip(scores if digits is None else np.round(scores, digits), 0.01, 1)
    return answers_of(truth, scores), (truth.ravel(), scores.ravel())


@pytest.mark.parametrize("digits", [None, 1])  # with one digit, most scores are shared by several answers
@pytest.mark.parametrize("seed", range(5))
def test_every_point_is_one_of_scikit_learns(seed: int, digits: int | None) -> None:
    answers, (truth, scores) = random_answers(seed, digits=digits)
    curve = curve_of(answers)
    precision, recall, thresholds = precision_recall_curve(truth, scores)
    # scikit-learn goes from the lowest score up, takes scores from a threshold on, and ends with a point of no answer.
    np.testing.assert_allclose(curve.precision, precision[:-1][::-1], rtol=1e-12)
    np.testing.assert_allclose(curve.recall, recall[:-1][::-1], rtol=1e-12)
    np.testing.assert_allclose(curve.scores, thresholds[::-1])
    below = np.append(thresholds[::-1][1:], 0.0)
    chosen = np.array([curve.threshold(index) for index in range(len(thresholds))])
    assert (chosen < thresholds[::-1]).all()
    assert (chosen >= below).all()


@pytest.mark.parametrize("aim", ["precision", "recall"])
@pytest.mark.parametrize("target", [0.3, 0.6, 0.8, 0.95, 1.0])
@pytest.mark.parametrize("seed", range(4))
def test_a_target_is_reached_at_the_least_price(seed: int, target: float, aim: str) -> None:
    answers, (truth, scores) = random_answers(seed)
    curve = curve_of(answers)
    precision, recall = (values[:-1] for values in precision_recall_curve(truth, scores)[:2])
    own, other = (precision, recall) if aim == "precision" else (recall, precision)
    reaching = other[own >= target - 1e-12]
    index = curve.best(aim, target)
    if not len(reaching):
        assert index is None
        assert curve.precision[curve.highest("precision")] == pytest.approx(precision.max())
        return
    assert index is not None
    figures = figures_at(answers, np.full(3, curve.threshold(index)))
    assert getattr(figures, aim) >= target - 1e-12
    assert getattr(figures, "recall" if aim == "precision" else "precision") == pytest.approx(reaching.max())


@pytest.mark.parametrize("seed", range(4))
def test_f1_is_the_highest_of_all_scores(seed: int) -> None:
    answers, (truth, scores) = random_answers(seed)
    curve = curve_of(answers)
    index = curve.best("f1")
    assert index is not None
    best = max(precision_recall_fscore_support(truth, scores >= one, average="binary")[2] for one in np.unique(scores))
    assert curve.f1[index] == pytest.approx(best)
    assert figures_at(answers, np.full(3, curve.threshold(index))).f1 == pytest.approx(best)


def test_thresholds_are_short_and_hold_in_both_precisions() -> None:
    answers = answers_of([[True], [False], [True]], [[0.91], [0.62], [0.31]])
    curve = curve_of(answers)
    assert [curve.threshold(index) for index in range(3)] == [0.77, 0.47, 0.16]
    low, high = np.float32(0.5), np.nextafter(np.float32(0.5), np.float32(1))
    tight = curve_of(answers_of([[True], [False]], [[high], [low]])).threshold(0)
    assert high > tight >= low
    assert high > np.float32(tight) >= low


def test_an_answer_of_score_0_never_counts() -> None:
    curve = curve_of(answers_of([[True], [True]], [[0.5], [0.0]]))
    assert curve.recall.tolist() == [0.5]
    assert not len(curve_of(answers_of([[True]], [[0.0]])).scores)


def test_one_class_has_its_own_truths() -> None:
    answers = answers_of([[True, True], [False, True]], [[0.9, 0.2], [0.8, 0.7]])
    figures = figures_at(answers.of_class(1), np.array([0.5, 0.5]))
    assert (figures.precision, figures.recall) == (1.0, 0.5)
    each = figures_at(answers, np.array([0.85, 0.1]))
    assert (each.precision, each.recall, each.f1) == (1.0, 1.0, 1.0)


def test_figures_without_answers_or_truths_are_undefined() -> None:
    figures = figures_at(answers_of([[True]], [[0.5]]), np.array([0.9]))
    assert (figures.precision, figures.recall, figures.f1) == (None, 0.0, 0.0)
    figures = figures_at(answers_of([[False]], [[0.5]]), np.array([0.9]))
    assert (figures.precision, figures.recall, figures.f1) == (None, None, None)


def test_the_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    """60 samples of 150 images, whose precision and recall are known: 0.7 / (0.7 + 0.2) and 0.7."""
    covered = []
    for seed in range(60):
        random = np.random.default_rng(seed)
        truth = random.random(150) < 0.5
        scores = np.where(random.random(150) < np.where(truth, 0.7, 0.2), 0.9, 0.1)
        measured = measured_at(answers_of(truth[:, None], scores[:, None]), np.array([0.5]))
        for interval, value in ((measured.precision_interval, 0.7 / 0.9), (measured.recall_interval, 0.7)):
            assert interval is not None
            covered.append(interval[0] <= value <= interval[1])
    assert 0.88 <= np.mean(covered) <= 0.99


def test_images_are_drawn_and_not_answers() -> None:
    """Ten answers that are all right or all wrong in an image vary as one does."""
    random = np.random.default_rng(0)
    right = random.random(40) < 0.5
    one = measured_at(answers_of(right[:, None], np.full((40, 1), 0.9)), np.array([0.5]))
    ten = measured_at(answers_of(np.repeat(right[:, None], 10, 1), np.full((40, 10), 0.9)), np.full(10, 0.5))
    assert one.precision_interval == ten.precision_interval


def test_the_same_seed_draws_the_same_images() -> None:
    counts = np.random.default_rng(0).integers(0, 5, (30, 2))
    np.testing.assert_array_equal(resampled_sums(counts), resampled_sums(counts))
    assert resampled_sums(counts, resamples=7).shape == (7, 2)
    assert abs(resampled_sums(counts).mean(axis=0) / counts.sum(axis=0) - 1).max() < 0.02
