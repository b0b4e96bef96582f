"""The bootstrap: how far a metric might have come out otherwise, had other images of the same kind been measured."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vistry.evaluation.confidence_interval import Interval

RESAMPLES = 1000
CONFIDENCE = 0.95
# Draws of numbers in memory at once: the resamples are taken a few at a time.
ROOM = 4_000_000

Counts = npt.NDArray[np.float64]
Values = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Statistic:
    """A metric as a function of how often each image is taken.

    `of`: from counts [R, N] to R values, NaN where undefined. `images`: N. `columns`: how many numbers it needs for a
    resample, such as one a detection.
    """

    of: Callable[[Counts], Values]
    images: int
    columns: int = 1


def bootstrap_interval(statistic: Statistic, seed: int = 0, resamples: int = RESAMPLES) -> Interval | None:
    """The percentile interval of a metric (Efron and Tibshirani 1993, chapter 13); None where it is undefined.

    As many images as there are, N, are drawn with replacement, `resamples` times. Draws in which the metric is
    undefined are left out.
    """
    images = statistic.images
    if images == 0:
        return None
    random = np.random.default_rng([seed, images])
    at_once = max(1, ROOM // max(images, statistic.columns))
    values = np.concatenate(
        [
            statistic.of(_draws(random, min(at_once, resamples - start), images))
            for start in range(0, resamples, at_once)
        ]
    )
    defined = values[~np.isnan(values)]
    if not len(defined):
        return None
    low, high = np.quantile(defined, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return Interval(float(low), float(high), confidence=CONFIDENCE, resamples=len(defined))


def _draws(random: np.random.Generator, resamples: int, images: int) -> Counts:
    """[R, N] how often each image is drawn."""
    drawn = random.integers(0, images, (resamples, images))
    drawn += np.arange(resamples)[:, None] * images
    return np.bincount(drawn.ravel(), minlength=resamples * images).reshape(resamples, images).astype(np.float64)


def mean_of_images(values: npt.NDArray[np.floating]) -> Statistic:
    """The mean of a number [N] of each image."""
    numbers = values.astype(np.float64)
    return Statistic(lambda counts: counts @ numbers / counts.sum(axis=1), len(numbers))
