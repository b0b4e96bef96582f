"""Learning-rate schedules: the factor on the learning rate before each batch (docs/reference/behaviour.md, 3.7)."""

from __future__ import annotations

import math
from collections.abc import Callable

from vistry.hyperparameter.values import Hyperparameters

Schedule = Callable[[int], float]


def warmup_cosine(warmup_steps: int, total_steps: int, cycles: float) -> Schedule:
    """Linear from 0 over the warm-up, then half a cosine: 0.5 (1 + cos(2 pi cycles p)), never below 0.

    p runs from 0 to 1 over the steps after the warm-up; the very first step has a rate of 0.
    """

    def factor(step: int) -> float:
        if step < warmup_steps:
            return step / max(1, warmup_steps)
        progress = (step - warmup_steps) / max(1, total_steps - warmup_steps)
        return max(0.0, 0.5 * (1 + math.cos(2 * math.pi * cycles * progress)))

    return factor


def step_decay(gamma: float, every_epochs: int, steps_per_epoch: int) -> Schedule:
    """gamma to the power of the number of completed groups of `every_epochs` epochs."""

    def factor(step: int) -> float:
        return float(gamma ** (step // steps_per_epoch // every_epochs))

    return factor


def schedule_of(hyperparameters: Hyperparameters, steps_per_epoch: int) -> Schedule:
    """The schedule the hyperparameters name, over batches counted from 0."""
    if hyperparameters.learning_rate_scheduler == "step":
        return step_decay(hyperparameters.step_lr_gamma, hyperparameters.step_lr_step_size, steps_per_epoch)
    return warmup_cosine(
        hyperparameters.warmup_cosine_lr_warmup_epochs * steps_per_epoch,
        hyperparameters.number_of_epochs * steps_per_epoch,
        hyperparameters.warmup_cosine_lr_cycles,
    )
