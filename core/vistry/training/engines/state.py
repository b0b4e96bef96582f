"""The names of the tensors in a training's state, and the check that tensors fit a model."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from vistry.errors import TrainingError

Arrays = dict[str, npt.NDArray[Any]]

MODEL = "model/"
OPTIMIZER = "optimizer/"
EMA = "ema/"
EMA_UPDATES = "ema.updates"

# torch's batch norm counts batches. No prediction depends on it, and older files lack it.
_BATCH_COUNTER = "num_batches_tracked"


def with_prefix(prefix: str, arrays: Arrays) -> Arrays:
    """Put a prefix before each name."""
    return {f"{prefix}{name}": value for name, value in arrays.items()}


def under(prefix: str, arrays: Arrays) -> Arrays:
    """Select the arrays whose names begin with a prefix, and remove it."""
    return {name.removeprefix(prefix): value for name, value in arrays.items() if name.startswith(prefix)}


def ema_state(average: Arrays, updates: int) -> Arrays:
    """Return the part of a state that belongs to a moving average."""
    return {**with_prefix(EMA, average), EMA_UPDATES: np.array(updates)}


def check_names(missing: Iterable[str], unexpected: Iterable[str]) -> None:
    """Raise TrainingError if names are missing or unexpected; the counters of batches may be missing."""
    absent = [name for name in missing if not name.endswith(_BATCH_COUNTER)]
    extra = list(unexpected)
    if absent or extra:
        raise TrainingError(f"the saved weights don't fit the model: missing {absent[:3]}, unexpected {extra[:3]}")
