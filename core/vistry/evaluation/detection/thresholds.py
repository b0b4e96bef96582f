"""Precision and recall of a detector where only detections above a score count."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vistry.evaluation.detection.voc import Ranking

Values = npt.NDArray[np.float64]
THRESHOLDS: Values = np.arange(100) / 100


@dataclass(frozen=True)
class ScoreScan:
    """`precision` [T, C] and `recall` [T, C] at each of T `thresholds`, NaN where undefined."""

    thresholds: Values
    precision: Values
    recall: Values

    @property
    def mean_precision(self) -> Values:
        """[T] over the classes with detections at that threshold; NaN where none has any."""
        return _means(self.precision)

    @property
    def mean_recall(self) -> Values:
        """[T] over the classes with objects; NaN where none has any."""
        return _means(self.recall)


def scan_scores(rankings: Sequence[Ranking], thresholds: Values = THRESHOLDS) -> ScoreScan:
    """Precision and recall of C classes, keeping the detections with a score greater than each threshold."""
    columns = [_column(ranking, thresholds) for ranking in rankings]
    shape = len(thresholds), len(columns)
    precision, recall = np.full(shape, np.nan), np.full(shape, np.nan)
    for label, (share_right, share_found) in enumerate(columns):
        precision[:, label], recall[:, label] = share_right, share_found
    return ScoreScan(thresholds, precision, recall)


def _column(ranking: Ranking, thresholds: Values) -> tuple[Values, Values]:
    num_above = np.searchsorted(-ranking.scores.astype(np.float64), -thresholds, side="left")
    hits = np.append(0, np.cumsum(ranking.hits))[num_above]
    precision = np.where(num_above > 0, hits / np.maximum(num_above, 1), np.nan)
    return precision, hits / ranking.objects if ranking.objects else np.full(len(thresholds), np.nan)


def _means(values: Values) -> Values:
    defined = ~np.isnan(values)
    counts = defined.sum(axis=1)
    sums = np.where(defined, values, 0.0).sum(axis=1)
    return np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)
