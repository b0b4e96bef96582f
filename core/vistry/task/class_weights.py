"""`weighted_loss`: class weights from the training split (docs/reference/behaviour.md, 3.10)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from vistry.plugin.types import TrainingData

IMBALANCE = 2


def _raised(weights: npt.NDArray[np.float64], exponent: int) -> npt.NDArray[np.float32]:
    finite = np.where(np.isfinite(weights), weights, 0.0)
    return (np.sqrt(finite) ** exponent).astype(np.float32)


def is_imbalanced(data: TrainingData) -> bool:
    """Whether the largest class is more than twice the smallest: below that, weights are not applied."""
    counts = data.class_counts
    return max(counts) // max(1, min(counts)) > IMBALANCE


def multiclass_weights(weighted_loss: int, data: TrainingData) -> npt.NDArray[np.float32] | None:
    """[C] 1 / count, to the power weighted_loss / 2; None where no weights apply."""
    if not weighted_loss or not is_imbalanced(data):
        return None
    counts = np.asarray(data.class_counts, dtype=np.float64)
    with np.errstate(divide="ignore"):
        return _raised(1 / counts, weighted_loss)


def multilabel_weights(weighted_loss: int, data: TrainingData) -> npt.NDArray[np.float32] | None:
    """[C] (images - count) / count, to the power weighted_loss / 2; None where no weights apply."""
    if not weighted_loss or not is_imbalanced(data):
        return None
    counts = np.asarray(data.class_counts, dtype=np.float64)
    with np.errstate(divide="ignore"):
        return _raised((data.images - counts) / counts, weighted_loss)
