"""The position embedding of a vision transformer for another image size."""

from __future__ import annotations

from math import isqrt
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image


def resample_positions(positions: npt.NDArray[Any], side: int) -> npt.NDArray[Any]:
    """Resample positions [1, 1 + n * n, D], the class token's first, to [1, 1 + side * side, D] float32.

    The grid is resized as an image, bicubic with antialiasing (Dosovitskiy et al., 2020, section 3.2). Positions
    of another shape are returned unchanged, and fail where shapes are compared.
    """
    patches = positions.shape[1] - 1 if positions.ndim == 3 else 0
    old_side = isqrt(max(patches, 0))
    if old_side == side or old_side < 1 or old_side * old_side != patches:
        return positions
    grid = positions[0, 1:].reshape(old_side, old_side, -1).astype(np.float32)
    channels = (Image.fromarray(channel).resize((side, side), Image.Resampling.BICUBIC) for channel in grid.T)
    resized = np.stack([np.asarray(channel) for channel in channels]).T.reshape(1, side * side, -1)
    return np.concatenate([positions[:, :1].astype(np.float32), resized], axis=1)
