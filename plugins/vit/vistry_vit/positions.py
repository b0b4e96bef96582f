"""The position embedding of a vision transformer for another image size."""

from __future__ import annotations

from math import isqrt
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image


def resampled(positions: npt.NDArray[Any], side: int) -> npt.NDArray[Any]:
    """Positions [1, 1 + n * n, D], the class token's first, as [1, 1 + side * side, D] float32.

    The grid is resized as an image, bicubic with antialiasing (Dosovitskiy et al., 2020, section 3.2). Anything that is
    no class token and square grid stays as it is, for the caller to compare shapes.
    """
    squares = positions.shape[1] - 1 if positions.ndim == 3 else 0
    there = isqrt(max(squares, 0))
    if there == side or there < 1 or there * there != squares:
        return positions
    grid = positions[0, 1:].reshape(there, there, -1).astype(np.float32)
    channels = (Image.fromarray(channel).resize((side, side), Image.Resampling.BICUBIC) for channel in grid.T)
    resized = np.stack([np.asarray(channel) for channel in channels]).T.reshape(1, side * side, -1)
    return np.concatenate([positions[:, :1].astype(np.float32), resized], axis=1)
