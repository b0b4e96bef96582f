"""What both classification tasks make of logits and probabilities."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from vistry.hyperparameter.values import Hyperparameters
from vistry.task.classification import Classification, ImageClassification, ImageClassificationMultilabel

CLASSES = ("ant", "bee", "cat")
NONE = Hyperparameters.of({})
LOGITS = np.array([[1.0, 2.0, -1.0], [2000.0, -2000.0, 0.0]], np.float32)


@pytest.mark.parametrize(
    ("task", "expected"),
    [
        (ImageClassification(), torch.softmax(torch.from_numpy(LOGITS), 1)),
        (ImageClassificationMultilabel(), torch.sigmoid(torch.from_numpy(LOGITS))),
    ],
)
@pytest.mark.parametrize("outputs", [LOGITS, torch.from_numpy(LOGITS).requires_grad_()])
def test_probabilities_are_torchs(task: Classification, expected: Any, outputs: Any) -> None:
    probabilities = task.build_postprocess(NONE)(outputs, [])
    assert probabilities.dtype == np.float32
    np.testing.assert_allclose(probabilities, expected.numpy(), atol=1e-6)


def test_half_precision_is_read_as_float32() -> None:
    outputs = torch.tensor([[1.0, 2.0]], dtype=torch.bfloat16)
    np.testing.assert_allclose(ImageClassification().postprocess(outputs, []), [[0.26894, 0.73106]], atol=1e-4)


@pytest.mark.parametrize("task", [ImageClassification(), ImageClassificationMultilabel()])
def test_the_response_has_every_class_in_order(task: Classification) -> None:
    response = task.response(np.array([0.5, 0.25, 0.25], np.float32), CLASSES, NONE)
    assert response == {"probs": [0.5, 0.25, 0.25], "labels": ["ant", "bee", "cat"]}


def test_one_image_in_a_few_words() -> None:
    multiclass, multilabel = ImageClassification(), ImageClassificationMultilabel()
    assert multiclass.summary_line(np.array([0.2, 0.7, 0.1], np.float32), CLASSES, NONE) == "bee 0.70"
    assert multilabel.summary_line(np.array([0.9, 0.5, 0.51], np.float32), CLASSES, NONE) == "ant 0.90, cat 0.51"
    assert multilabel.summary_line(np.array([0.5, 0.5, 0.5], np.float32), CLASSES, NONE) == "none of the classes"
