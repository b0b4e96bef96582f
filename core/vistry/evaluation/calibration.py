"""Whether a probability means what it says: of all predictions made with 0.8, are 80 % right?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Reliability:
    """Predictions in B equal bins of probability, each open below and closed above.

    `counts` [B]; `confidence` [B] and `accuracy` [B], the mean probability and the share that came true, NaN where a
    bin is empty; `error`, the expected calibration error, None without predictions.
    """

    counts: npt.NDArray[np.int64]
    confidence: npt.NDArray[np.float64]
    accuracy: npt.NDArray[np.float64]
    error: float | None


def reliability(
    probabilities: npt.NDArray[np.floating], came_true: npt.NDArray[np.bool_], bins: int = 10
) -> Reliability:
    """The reliability diagram of probabilities [N] and whether each came true [N].

    The error is the mean of |accuracy - confidence| over bins, weighted by their counts (Guo et al. 2017, equation 3).
    """
    values = probabilities.astype(np.float64)
    bin_of = np.clip(np.ceil(values * bins).astype(np.int64) - 1, 0, bins - 1)
    counts = np.bincount(bin_of, minlength=bins)
    confidence = _means(bin_of, values, counts)
    accuracy = _means(bin_of, came_true.astype(np.float64), counts)
    gaps = np.abs(accuracy - confidence)[counts > 0]
    error = float((gaps * counts[counts > 0]).sum() / len(values)) if len(values) else None
    return Reliability(counts, confidence, accuracy, error=error)


def _means(
    bin_of: npt.NDArray[np.int64], values: npt.NDArray[np.float64], counts: npt.NDArray[np.int64]
) -> npt.NDArray[np.float64]:
    sums = np.bincount(bin_of, weights=values, minlength=len(counts))
    return np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)
