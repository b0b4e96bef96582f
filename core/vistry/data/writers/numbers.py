"""Numbers as text."""

from __future__ import annotations

import numpy as np


def shortest_decimal(value: np.floating) -> float:
    """The shortest decimal that is this number in single precision."""
    return float(np.format_float_positional(np.float32(value), unique=True))
