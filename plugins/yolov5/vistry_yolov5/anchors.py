"""Anchors that fit a data set's boxes."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

MAX_RATIO = 4.0
MIN_RECALL = 0.98
MAX_SIZES = 50_000
"""More boxes than this are sampled: they only make k-means slower."""
KMEANS_STARTS = 5

Sizes = npt.NDArray[np.float64]


def best_possible_recall(sizes: npt.NDArray[Any], anchors: npt.NDArray[Any]) -> float:
    """Return the share of boxes that an anchor matches: neither side is four times the other's. With no boxes it is 1.

    `sizes`: [K, 2] and `anchors`: [A, 2] widths and heights in pixels.
    """
    if not len(sizes):
        return 1.0
    matched = np.zeros(len(sizes), dtype=bool)
    with np.errstate(divide="ignore", invalid="ignore"):
        for anchor in np.asarray(anchors, dtype=np.float64):
            ratios = np.asarray(sizes, dtype=np.float64) / anchor
            matched |= (np.maximum(ratios, 1 / ratios) < MAX_RATIO).all(axis=1)
    return float(matched.mean())


def fit_by_kmeans(sizes: npt.NDArray[Any], random: np.random.Generator, count: int = 9) -> Sizes:
    """Return the cluster centres [count, 2] of the widths and heights of boxes [K, 2], smallest area first.

    Redmon and Farhadi (YOLO9000, 2017, section 2) cluster by IoU. Here the distance follows the matching rule: sizes
    are compared on a logarithmic scale, on which equal ratios are equally far apart. If the boxes have fewer distinct
    sizes than `count`, sizes are repeated. Raises ValueError if no box has a width and a height.
    """
    from sklearn.cluster import KMeans

    sizes = np.asarray(sizes, dtype=np.float64)
    sizes = sizes[(sizes > 0).all(axis=1)]
    if not len(sizes):
        raise ValueError("anchors can't be fitted: no box has a width and a height")
    if len(sizes) > MAX_SIZES:
        sizes = sizes[random.choice(len(sizes), MAX_SIZES, replace=False)]
    logarithms = np.log(sizes)
    distinct = np.unique(logarithms, axis=0)
    if len(distinct) > count:
        seed = int(random.integers(2**31))
        distinct = KMeans(count, n_init=KMEANS_STARTS, random_state=seed).fit(logarithms).cluster_centers_
    anchors: Sizes = np.exp(np.resize(distinct, (count, 2)))
    return anchors[np.argsort(anchors.prod(axis=1), kind="stable")]


def better_anchors(
    sizes: npt.NDArray[Any], current: npt.NDArray[Any], random: np.random.Generator | None = None
) -> tuple[npt.NDArray[Any], str | None]:
    """Return anchors [9, 2] for boxes [K, 2], in pixels: the current ones if they match enough, else fitted ones.

    With fitted ones comes a message for the user.
    """
    recall = best_possible_recall(sizes, current)
    if recall >= MIN_RECALL or not (np.asarray(sizes) > 0).all(axis=1).any():
        return current, None
    fitted = fit_by_kmeans(sizes, random or np.random.default_rng(0), len(current))
    better = best_possible_recall(sizes, fitted)
    if better <= recall:
        return current, None
    return fitted, (
        f"the anchors were fitted to the training data's boxes: they match {better:.1%} of the boxes, "
        f"the previous anchors matched {recall:.1%}"
    )
