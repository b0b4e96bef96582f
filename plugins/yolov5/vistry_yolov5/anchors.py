"""Anchors that fit a data set's boxes."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

LARGEST_RATIO = 4.0
ENOUGH_RECALL = 0.98
MOST_SIZES = 50_000
"""How many boxes are enough to fit anchors to."""
TRIES = 5

Sizes = npt.NDArray[np.float64]


def best_possible_recall(sizes: npt.NDArray[Any], anchors: npt.NDArray[Any]) -> float:
    """The share of boxes that some anchor matches: neither side four times the other's. With no boxes it is 1.

    `sizes`: [K, 2] and `anchors`: [A, 2] widths and heights in pixels.
    """
    if not len(sizes):
        return 1.0
    matched = np.zeros(len(sizes), dtype=bool)
    with np.errstate(divide="ignore", invalid="ignore"):
        for anchor in np.asarray(anchors, dtype=np.float64):
            ratios = np.asarray(sizes, dtype=np.float64) / anchor
            matched |= (np.maximum(ratios, 1 / ratios) < LARGEST_RATIO).all(axis=1)
    return float(matched.mean())


def fitted_anchors(sizes: npt.NDArray[Any], random: np.random.Generator, count: int = 9) -> Sizes:
    """[count, 2]: the widths and heights that k-means finds among boxes' [K, 2], smallest area first.

    As Redmon and Farhadi (YOLO9000, 2017, section 2) do, with a distance that goes with how boxes are matched: sizes
    are compared on a logarithmic scale, on which equal ratios are equally far apart. Boxes of fewer sizes than anchors
    are asked for give each of theirs several times. Raises ValueError where no box has a width and a height.
    """
    from sklearn.cluster import KMeans

    sizes = np.asarray(sizes, dtype=np.float64)
    sizes = sizes[(sizes > 0).all(axis=1)]
    if not len(sizes):
        raise ValueError("anchors can't be fitted: no box has a width and a height")
    if len(sizes) > MOST_SIZES:
        sizes = sizes[random.choice(len(sizes), MOST_SIZES, replace=False)]
    logarithms = np.log(sizes)
    distinct = np.unique(logarithms, axis=0)
    if len(distinct) > count:
        seed = int(random.integers(2**31))
        distinct = KMeans(count, n_init=TRIES, random_state=seed).fit(logarithms).cluster_centers_
    anchors: Sizes = np.exp(np.resize(distinct, (count, 2)))
    return anchors[np.argsort(anchors.prod(axis=1), kind="stable")]


def anchors_for(
    sizes: npt.NDArray[Any], present: npt.NDArray[Any], random: np.random.Generator | None = None
) -> tuple[npt.NDArray[Any], str | None]:
    """Anchors [9, 2] for boxes [K, 2], in pixels: those at present where they do, else fitted ones and what to say."""
    recall = best_possible_recall(sizes, present)
    if recall >= ENOUGH_RECALL or not (np.asarray(sizes) > 0).all(axis=1).any():
        return present, None
    fitted = fitted_anchors(sizes, random or np.random.default_rng(0), len(present))
    better = best_possible_recall(sizes, fitted)
    if better <= recall:
        return present, None
    return fitted, (
        f"the anchors were fitted to the training data's boxes: they match {better:.1%} of them, "
        f"those before matched {recall:.1%}"
    )
