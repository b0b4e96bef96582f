"""A backend's tensors as numpy arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt


def as_numpy(outputs: Any) -> npt.NDArray[np.float32]:
    """The values in float32 on the host, whichever backend made them."""
    if hasattr(outputs, "detach"):
        outputs = outputs.detach().float().cpu().numpy()
    return np.asarray(outputs, dtype=np.float32)
