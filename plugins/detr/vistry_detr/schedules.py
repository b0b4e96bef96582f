"""The schedules of the learning rate that detection transformers were published with."""

from __future__ import annotations

import math
from collections.abc import Callable

from vistry.plugin import Values

# However long a warm-up is meant to be, it takes no more than this share of a short training.
LONGEST_WARMUP = 0.1


def warmup_flat(hyperparameters: Values, steps_per_epoch: int) -> Callable[[int], float]:
    """Rise linearly over `warmup_flat_steps`, then stay: the schedule of D-FINE, whose average of weights settles."""
    total = hyperparameters["number_of_epochs"] * steps_per_epoch
    warmup = _warmup(hyperparameters["warmup_flat_steps"], total)
    return lambda step: min(1.0, (step + 1) / (warmup + 1))


def flat_cosine(hyperparameters: Values, steps_per_epoch: int) -> Callable[[int], float]:
    """Rise with the square of the step, stay, fall as a cosine to `flat_cosine_end`, and stay there.

    Huang et al., DEIM: DETR with Improved Matching for Fast Convergence, 2025, section 4.1.
    """
    total = hyperparameters["number_of_epochs"] * steps_per_epoch
    warmup = _warmup(hyperparameters["flat_cosine_warmup_steps"], total)
    falls = max(warmup, hyperparameters["flat_cosine_flat_share"] * total)
    ends = max(falls + 1, (1 - hyperparameters["flat_cosine_last_share"]) * total)
    end = hyperparameters["flat_cosine_end"]

    def factor(step: int) -> float:
        if step < warmup:
            return float(((step + 1) / (warmup + 1)) ** 2)
        progress = min(1.0, max(0.0, (step - falls) / (ends - falls)))
        return float(end + (1 - end) * (1 + math.cos(math.pi * progress)) / 2)

    return factor


def constant(hyperparameters: Values, steps_per_epoch: int) -> Callable[[int], float]:  # noqa: ARG001
    """Stay: RF-DETR's rate falls after a hundred epochs, by which its trainings have ended."""
    return lambda _: 1.0


def _warmup(steps: int, total: int) -> int:
    return min(steps, int(LONGEST_WARMUP * total))
