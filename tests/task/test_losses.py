"""`weighted_loss` against the formula worked out by hand, and torch's own weighted losses."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from vistry.hyperparameter.values import Hyperparameters
from vistry.plugin.types import TrainingData
from vistry.task.classification import ImageClassification, ImageClassificationMultilabel
from vistry.task.losses import multiclass_weights, multilabel_weights

DATA = TrainingData(("a", "b", "c"), (4, 16, 1), 21)
LOGITS = torch.tensor([[1.0, 2.0, -1.0], [0.5, -0.5, 0.0]])


def test_no_weights_by_default() -> None:
    assert multiclass_weights(0, DATA) is None
    assert multilabel_weights(0, DATA) is None


def test_one_is_the_square_root_of_two() -> None:
    np.testing.assert_allclose(multiclass_weights(1, DATA), [0.5, 0.25, 1])
    np.testing.assert_allclose(multiclass_weights(2, DATA), [0.25, 0.0625, 1])
    np.testing.assert_allclose(multilabel_weights(2, DATA), [17 / 4, 5 / 16, 20])
    np.testing.assert_allclose(multilabel_weights(1, DATA), np.sqrt([17 / 4, 5 / 16, 20]))


@pytest.mark.parametrize(
    ("counts", "applies"), [((10, 20), False), ((10, 29), False), ((10, 30), True), ((0, 2), False)]
)
def test_weights_apply_only_to_imbalanced_data(counts: tuple[int, int], applies: bool) -> None:
    data = TrainingData(("a", "b"), counts, sum(counts))
    assert (multiclass_weights(2, data) is not None) is applies


def test_a_class_without_images_weighs_nothing() -> None:
    weights = multiclass_weights(2, TrainingData(("a", "b"), (0, 10), 10))
    np.testing.assert_allclose(weights, [0, 0.1])


@pytest.mark.parametrize("level", [0, 1, 2])
def test_the_losses_are_torchs_with_these_weights(level: int) -> None:
    values = Hyperparameters.of({"weighted_loss": level})
    targets = torch.tensor([2, 0])
    terms = ImageClassification().build_loss(values, "torch", DATA)(lambda images: images, LOGITS, targets)
    weight = [None, [0.5, 0.25, 1.0], [0.25, 0.0625, 1.0]][level]
    expected = torch.nn.CrossEntropyLoss(weight=None if weight is None else torch.tensor(weight))(LOGITS, targets)
    assert terms["cross_entropy"] == pytest.approx(float(expected))

    many = torch.tensor([[1.0, 0.0, 1.0], [0.0, 0.0, 1.0]])
    terms = ImageClassificationMultilabel().build_loss(values, "torch", DATA)(lambda images: images, LOGITS, many)
    positive = None if level == 0 else torch.tensor([17 / 4, 5 / 16, 20.0]) ** (level / 2)
    expected = torch.nn.BCEWithLogitsLoss(pos_weight=positive)(LOGITS, many)
    assert terms["binary_cross_entropy"] == pytest.approx(float(expected), rel=1e-5)
