"""The exponential moving average of a model's weights."""

from __future__ import annotations

import math
from dataclasses import replace

from vistry.registry.manifest import MovingAverage

# The share of a training that the average is of at its end.
MEMORY = 0.1


def ema_step(ema: MovingAverage, updates: int) -> float:
    """Return 1 - d(t): how far the average moves towards the weights after t updates, in [0, 1].

    d(t) = decay * (1 - exp(-t / ema.updates)). The decay grows from 0, so that an early average doesn't consist of the
    initial weights.
    """
    return 1 - ema.decay * (1 - math.exp(-updates / ema.updates))


def ramp_within(ema: MovingAverage | None, total: int | None) -> MovingAverage | None:
    """Return the average with a ramp that fits a training of `total` updates; as it is, where these aren't known.

    After t updates the average is of about the last exp(t / ema.updates): a training shorter than the ramp would end
    with an average of one or two. So the ramp is as long as it takes for this to be a tenth of the training at its
    end, and at most what the manifest says. Where a tenth is fewer than e updates it is the whole training.
    """
    if ema is None or not total:
        return ema
    return replace(ema, updates=min(ema.updates, total / max(1.0, math.log(MEMORY * total))))
