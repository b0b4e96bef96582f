"""How well a model's features tell classes apart, without training it: ridge regression in closed form.

Each image is predicted by a regression on all others. Their residuals follow from the hat matrix of the regression on
all, e / (1 - h) (Allen, Technometrics 16, 1974), so one eigendecomposition serves every image and every penalty.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

PENALTIES = (1e-3, 1e-2, 1e-1, 1.0, 10.0)  # relative to the mean eigenvalue
TINY = 1e-12

Array = npt.NDArray[Any]


def leave_one_out_accuracy(features: Array, targets: Array) -> float:
    """Return the share of labels that a linear model on the features gets right, with the best penalty.

    Args:
        features: [N, D], of at least two images.
        targets: [N, C] of 0 and 1. Where each row has one 1 the largest answer counts, else each answer by itself.
    """
    targets = targets.astype(np.float64)
    centred = features - features.mean(axis=0)
    eigenvalues, vectors = np.linalg.eigh(centred @ centred.T)
    eigenvalues = np.clip(eigenvalues, 0.0, None)
    mean = max(float(eigenvalues.mean()), TINY)
    shares = [eigenvalues / (eigenvalues + penalty * mean) for penalty in PENALTIES]
    return max(_accuracy(_answers(vectors, share, targets), targets) for share in shares)


def _answers(vectors: Array, share: Array, targets: Array) -> Array:
    """[N, C] what is predicted of each image by the others; the intercept has no penalty."""
    means = targets.mean(axis=0)
    residuals = targets - means - vectors @ (share[:, None] * (vectors.T @ (targets - means)))
    leverage = 1 / len(targets) + (vectors**2) @ share
    left_out: Array = residuals / np.maximum(1 - leverage, TINY)[:, None]
    return targets - left_out


def _accuracy(answers: Array, targets: Array) -> float:
    if (targets.sum(axis=1) == 1).all():
        return float((answers.argmax(axis=1) == targets.argmax(axis=1)).mean())
    return float(((answers > 0.5) == (targets > 0.5)).mean())
