"""Cutout: DeVries and Taylor, Improved Regularization of Convolutional Neural Networks, arXiv:1708.04552."""

from __future__ import annotations

import numpy as np
from vistry.plugin import Pixels, Values


def cutout(sample: Pixels, random: np.random.Generator, hyperparameters: Values) -> Pixels:
    """Pixels [H, W, 3] uint8 with a grey square, which may reach over the edge."""
    side = round(len(sample) * hyperparameters["cutout_side"])
    top, left = random.integers(-side // 2, len(sample) - side // 2, 2)
    changed = sample.copy()
    changed[max(0, top) : top + side, max(0, left) : left + side] = 128
    return changed
