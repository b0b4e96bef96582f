"""Drawing images again: how far a figure would move with other images of the same kind."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

RESAMPLES = 1000
SEED = 0

Counts = npt.NDArray[np.int64]


def resampled_sums(counts: Counts, resamples: int = RESAMPLES, seed: int = SEED) -> Counts:
    """[R, K] sums of counts [N, K] over N images that are drawn with replacement, R times (Efron 1979).

    Images are drawn, and not answers, because the answers about one image depend on each other.
    """
    random = np.random.default_rng(seed)
    images = len(counts)
    # One draw at a time: all at once would take a thousand times the memory of the images.
    sums = [counts[random.integers(images, size=images)].sum(axis=0) for _ in range(resamples)]
    return np.asarray(sums, dtype=np.int64).reshape(resamples, counts.shape[1])
