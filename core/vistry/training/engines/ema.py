"""The exponential moving average of a model's weights."""

from __future__ import annotations

import math

from vistry.registry.manifest import MovingAverage


def ema_step(ema: MovingAverage, updates: int) -> float:
    """Return 1 - d(t): how far the average moves towards the weights after t updates, in [0, 1].

    d(t) = decay * (1 - exp(-t / ema.updates)). The decay grows from 0, so that an early average doesn't consist of the
    initial weights.
    """
    return 1 - ema.decay * (1 - math.exp(-updates / ema.updates))
