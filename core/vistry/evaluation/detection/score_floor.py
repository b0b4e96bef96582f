"""The score down to which a detector reports objects."""

from __future__ import annotations

# Far below any threshold for users, so that average precision sees the whole curve of precision over recall.
SCORE_FLOOR = 0.01


def score_floor(score_threshold: float) -> float:
    """Return the score from which on detections are kept: what users are given, and below it what metrics need.

    Average precision is the area under a curve that a threshold fit for users would cut off.

    Args:
        score_threshold: `box_score_threshold`, the score above which users are given a detection.
    """
    return min(SCORE_FLOOR, score_threshold)
