"""Classification metrics against cases worked out by hand."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from sklearn import metrics
from vistry.evaluation.classification import log_loss, multiclass_metrics, multilabel_metrics


def test_multiclass_by_hand() -> None:
    probabilities = np.array([[0.7, 0.2, 0.1], [0.1, 0.8, 0.1], [0.5, 0.3, 0.2], [0.2, 0.2, 0.6]], np.float32)
    found = multiclass_metrics(probabilities, np.array([0, 1, 1, 2]), 3)
    assert found["accuracy"] == 0.75
    assert found["recall_score_macro"] == pytest.approx((1 + 0.5 + 1) / 3)
    assert found["precision_score_macro"] == pytest.approx((0.5 + 1 + 1) / 3)
    assert found["precision_score_weighted"] == pytest.approx((0.5 + 2 * 1 + 1) / 4)
    assert found["f1_score_micro"] == 0.75
    loss = log_loss(list(probabilities), np.array([0, 1, 1, 2]), ["a", "b", "c"])
    assert loss == pytest.approx(-np.log([0.7, 0.8, 0.3, 0.6]).mean(), rel=1e-6)
    assert found["norm_macro_recall"] == pytest.approx((2.5 / 3 - 1 / 3) / (2 / 3))


def test_auc_counts_pairs_in_the_right_order() -> None:
    probabilities = np.array([[0.9, 0.1], [0.4, 0.6], [0.3, 0.7], [0.2, 0.8]], np.float32)
    found = multiclass_metrics(probabilities, np.array([0, 1, 0, 1]), 2)
    assert found["AUC_macro"] == pytest.approx(3 / 4)


def test_multilabel_by_hand() -> None:
    probabilities = np.array([[0.9, 0.6, 0.1], [0.2, 0.7, 0.4], [0.1, 0.1, 0.1]], np.float32)
    targets = np.array([[1, 0, 0], [0, 1, 1], [0, 0, 0]], np.float32)
    found = multilabel_metrics(probabilities, targets)
    assert found["iou"] == pytest.approx((1 / 2 + 1 / 2 + 1) / 3)
    assert found["accuracy"] == pytest.approx(1 / 3)
    assert found["iou_micro"] == pytest.approx(2 / 4)
    assert found["iou_macro"] == pytest.approx((1 + 1 / 2 + 0) / 3)
    assert found["precision_score_micro"] == pytest.approx(2 / 3)
    assert found["recall_score_micro"] == pytest.approx(2 / 3)


def test_one_half_is_not_above_one_half() -> None:
    found = multilabel_metrics(np.array([[0.5, 0.9]], np.float32), np.array([[0, 1]], np.float32))
    assert found["iou"] == 1


def test_a_class_absent_from_the_data_has_no_ranking_and_breaks_nothing() -> None:
    probabilities = np.array([[0.6, 0.3, 0.1], [0.3, 0.6, 0.1]], np.float32)
    found = multiclass_metrics(probabilities, np.array([0, 1]), 3)
    assert found["AUC_macro"] == 1
    only_one = multiclass_metrics(probabilities, np.array([0, 0]), 3)
    assert "AUC_macro" not in only_one
    assert only_one["accuracy"] == 0.5


def with_absent_classes(seed: int, multilabel: bool) -> tuple[np.ndarray, np.ndarray, list[int]]:
    """Probabilities [N, C], truth [N, C], and the classes that the images have: one or two of C are missing."""
    random = np.random.default_rng(seed)
    classes, images = int(random.integers(4, 7)), int(random.integers(12, 40))
    present = sorted(random.choice(classes, classes - int(random.integers(1, 3)), replace=False).tolist())
    probabilities = random.dirichlet(np.ones(classes), images).astype(np.float32)
    truth = np.zeros((images, classes), bool)
    truth[np.arange(images), np.resize(present, images)] = True
    if multilabel:
        truth[:, present] |= random.random((images, len(present))) < 0.3
        probabilities = random.random((images, classes)).astype(np.float32)
    return probabilities, truth, [label for label in present if truth[:, label].any()]


@pytest.mark.parametrize("multilabel", [False, True])
@pytest.mark.parametrize("seed", range(12))
def test_macro_figures_are_scikit_learns_over_the_classes_there_are(seed: int, multilabel: bool) -> None:
    probabilities, truth, present = with_absent_classes(seed, multilabel)
    if multilabel:
        found, predicted = multilabel_metrics(probabilities, truth.astype(np.float32)), probabilities > 0.5
    else:
        found = multiclass_metrics(probabilities, truth.argmax(axis=1), truth.shape[1])
        predicted = np.eye(truth.shape[1], dtype=bool)[probabilities.argmax(axis=1)]
    if multilabel:
        labels: dict[str, Any] = {"labels": present, "zero_division": 0.0}
        expected = metrics.jaccard_score(truth, predicted, average="macro", **labels)
        assert found["iou_macro"] == pytest.approx(expected)
        ours, theirs = truth, predicted
    else:
        labels = {"labels": present, "zero_division": 0.0}
        ours, theirs = truth.argmax(axis=1), predicted.argmax(axis=1)
    for name in ("precision", "recall", "f1"):
        score = getattr(metrics, f"{name}_score")(ours, theirs, average="macro", **labels)
        assert found[f"{name}_score_macro"] == pytest.approx(score), name
    scores = probabilities[:, present]
    average = metrics.average_precision_score(truth[:, present], scores, average="macro")
    assert found["average_precision_score_macro"] == pytest.approx(average)
    if not truth[:, present].all(axis=0).any():
        assert found["AUC_macro"] == pytest.approx(metrics.roc_auc_score(truth[:, present], scores, average="macro"))
    for name in ("precision", "recall", "f1"):  # what no class is left out of
        every = getattr(metrics, f"{name}_score")(ours, theirs, average="micro", labels=range(truth.shape[1]))
        assert found[f"{name}_score_micro"] == pytest.approx(every)


def test_a_perfect_model_is_perfect_on_images_that_lack_a_class() -> None:
    probabilities = np.array([[0.8, 0.1, 0.1], [0.1, 0.8, 0.1], [0.7, 0.2, 0.1]], np.float32)
    found = multiclass_metrics(probabilities, np.array([0, 1, 0]), 3)
    for name, value in found.items():
        assert value == pytest.approx(1), name


def test_one_class_is_no_binary_problem() -> None:
    found = multilabel_metrics(np.array([[0.9], [0.2], [0.8]], np.float32), np.array([[1], [1], [0]], np.float32))
    for average in ("macro", "micro", "weighted"):
        assert found[f"precision_score_{average}"] == 0.5
        assert found[f"recall_score_{average}"] == 0.5
        assert found[f"iou_{average}"] == pytest.approx(1 / 3)


def test_images_without_any_label_have_no_macro_figure() -> None:
    found = multilabel_metrics(np.array([[0.9, 0.1], [0.2, 0.1]], np.float32), np.zeros((2, 2), np.float32))
    assert found["accuracy"] == 0.5
    assert not {name for name in found if "macro" in name or "weighted" in name}


def test_a_certain_mistake_costs_a_finite_loss() -> None:
    found = log_loss([np.array([1.0, 0.0], np.float32)], np.array([1]), ["a", "b"])
    assert found == pytest.approx(-math.log(1e-7))


@given(
    arrays.arrays(np.float32, (6, 4), elements=st.floats(0.015625, 1, width=32)),
    st.lists(st.integers(0, 3), min_size=6, max_size=6),
)
def test_metrics_stay_in_their_ranges(scores: np.ndarray, targets: list[int]) -> None:
    probabilities = scores / scores.sum(axis=1, keepdims=True)
    found = multiclass_metrics(probabilities.astype(np.float32), np.array(targets), 4)
    for name, value in found.items():
        assert 0 <= value <= 1 + 1e-9, name
    assert 0 <= log_loss(list(probabilities), np.array(targets), list("abcd")) <= 20
