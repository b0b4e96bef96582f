"""Cohen's kappa: A Coefficient of Agreement for Nominal Scales, 1960."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt


def kappa(
    predictions: Sequence[npt.NDArray[np.float32]], targets: npt.NDArray[np.int64], classes: Sequence[str]
) -> float | None:
    """Agreement of the likeliest classes with the true ones, None where one class is all there is."""
    predicted, count = np.asarray(predictions).argmax(axis=1), len(classes)
    chance = np.bincount(predicted, minlength=count) @ np.bincount(targets, minlength=count) / len(targets) ** 2
    return None if chance == 1 else float(((predicted == targets).mean() - chance) / (1 - chance))
