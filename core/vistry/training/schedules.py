"""Learning-rate schedules: the factor on the learning rate before each batch (docs/reference/behaviour.md, 3.7)."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from vistry.errors import HyperparameterError, Problem, suggestion
from vistry.hyperparameter.values import Hyperparameters

Schedule = Callable[[int], float]


def warmup_cosine(warmup_steps: int, total_steps: int, cycles: float) -> Schedule:
    """Rise linearly from 0 to 1 over the warm-up, then follow a cosine.

    With p from 0 to 1 over the steps after the warm-up, the factor is max(0, 0.5 (1 + cos(2 pi cycles p))): 0.5 cycles
    end at 0, and 0.45 a little above. The very first step has a factor of 0.

    Warm-up: Goyal et al., Accurate, Large Minibatch SGD, arXiv:1706.02677, 2.2. Cosine: Loshchilov and Hutter, SGDR,
    arXiv:1608.03983, equation 5.
    """

    def factor(step: int) -> float:
        if step < warmup_steps:
            return step / max(1, warmup_steps)
        progress = (step - warmup_steps) / max(1, total_steps - warmup_steps)
        return max(0.0, 0.5 * (1 + math.cos(2 * math.pi * cycles * progress)))

    return factor


def step_decay(gamma: float, every_epochs: int, steps_per_epoch: int) -> Schedule:
    """Multiply by gamma after every so many epochs: gamma ** floor(epoch / every_epochs)."""

    def factor(step: int) -> float:
        return float(gamma ** (step // steps_per_epoch // every_epochs))

    return factor


def _warmup_cosine(hyperparameters: Hyperparameters, steps_per_epoch: int) -> Schedule:
    return warmup_cosine(
        warmup_steps=hyperparameters.warmup_cosine_lr_warmup_epochs * steps_per_epoch,
        total_steps=hyperparameters.number_of_epochs * steps_per_epoch,
        cycles=hyperparameters.warmup_cosine_lr_cycles,
    )


def _step(hyperparameters: Hyperparameters, steps_per_epoch: int) -> Schedule:
    return step_decay(
        gamma=hyperparameters.step_lr_gamma,
        every_epochs=hyperparameters.step_lr_step_size,
        steps_per_epoch=steps_per_epoch,
    )


# By the values of learning_rate_scheduler, in hyperparameter/tables/model_agnostic.toml.
SCHEDULES: Mapping[str, Callable[[Hyperparameters, int], Schedule]] = {"warmup_cosine": _warmup_cosine, "step": _step}


def schedule_of(hyperparameters: Hyperparameters, steps_per_epoch: int) -> Schedule:
    """Build the schedule that the hyperparameters name, over batches counted from 0. Raises HyperparameterError."""
    name = hyperparameters.learning_rate_scheduler
    if name not in SCHEDULES:
        problem = Problem("learning_rate_scheduler", f"unknown schedule '{name}'", suggestion(name, list(SCHEDULES)))
        raise HyperparameterError([problem])
    return SCHEDULES[name](hyperparameters, steps_per_epoch)
