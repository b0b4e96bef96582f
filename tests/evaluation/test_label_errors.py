"""Confident learning, against cases worked out by hand and against labels that were flipped on purpose."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from vistry.evaluation.label_errors import class_thresholds, confident_joint, mislabelled, mislabelled_multilabel

# Five images, three classes. Thresholds: (.9 + .7 + .2) / 3 = .6, .6, .8.
PROBABILITIES = np.array([[0.9, 0.1, 0.0], [0.7, 0.2, 0.1], [0.2, 0.75, 0.05], [0.3, 0.6, 0.1], [0.1, 0.1, 0.8]])
LABELS = np.array([0, 0, 0, 1, 2])


def noisy(seed: int) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64], set[int]]:
    """Probabilities of a good model, labels of which some are flipped, and which these are."""
    random = np.random.default_rng(seed)
    images, classes = 200, int(random.integers(2, 6))
    truth = random.integers(0, classes, images)
    logits = random.normal(0, 0.4, (images, classes))
    logits[np.arange(images), truth] += 5
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    flipped = random.choice(images, 12, replace=False)
    labels = truth.copy()
    labels[flipped] = (truth[flipped] + random.integers(1, classes, 12)) % classes
    return probabilities, labels, set(flipped.tolist())


def test_thresholds_are_mean_self_confidences() -> None:
    np.testing.assert_allclose(class_thresholds(PROBABILITIES, LABELS), [0.6, 0.6, 0.8])
    np.testing.assert_array_equal(class_thresholds(PROBABILITIES[:2], LABELS[:2])[1:], [np.inf, np.inf])


def test_a_case_by_hand() -> None:
    np.testing.assert_array_equal(confident_joint(PROBABILITIES, LABELS), [[2, 1, 0], [0, 1, 0], [0, 0, 1]])
    (only,) = mislabelled(PROBABILITIES, LABELS)
    assert (only.image, only.given, only.suggested) == (2, 0, 1)
    assert only.suspicion == pytest.approx(0.55)


def test_the_number_is_scaled_to_the_images_that_are_not_sure() -> None:
    """Of four images labelled 0 two are surely 0 and one surely 1, so that a third of the four is expected to be 1."""
    probabilities = np.array([[0.98, 0.02], [0.02, 0.98], [0.2, 0.8], [0.6, 0.4], [0.1, 0.9]])
    labels = np.array([0, 0, 0, 0, 1])  # thresholds .45 and .9; image 3 is surely 0, too
    np.testing.assert_array_equal(confident_joint(probabilities, labels), [[2, 1], [0, 1]])
    assert [one.image for one in mislabelled(probabilities, labels)] == [1, 2]  # 1/3 of four images, rounded up


def test_a_likelier_class_below_its_threshold_is_no_reason() -> None:
    probabilities = PROBABILITIES.copy()
    probabilities[2] = [0.4, 0.5, 0.1]
    assert mislabelled(probabilities, LABELS) == []


@pytest.mark.parametrize("seed", range(8))
def test_flipped_labels_are_the_head_of_the_list(seed: int) -> None:
    probabilities, labels, flipped = noisy(seed)
    found = mislabelled(probabilities, labels)
    assert {one.image for one in found[: len(flipped)]} <= flipped
    assert len({one.image for one in found} & flipped) >= 10
    assert len(found) <= 15
    margins = [one.suspicion for one in found]
    assert margins == sorted(margins, reverse=True)


def test_multilabel_labels_are_judged_one_by_one() -> None:
    truth = np.array([[1, 0], [1, 1], [0, 1], [0, 0], [1, 0]], dtype=bool)
    probabilities = np.where(truth, 0.9, 0.1)
    probabilities[4, 0] = 0.02  # labelled, and not there
    probabilities[3, 1] = 0.95  # there, and not labelled
    found = mislabelled_multilabel(probabilities, truth)
    assert [(one.image, one.given, one.is_missing) for one in found] == [(4, 0, False), (3, 1, True)]
