"""Learning-rate schedules: the factor on the learning rate before each batch (docs/reference/behaviour.md, 3.7)."""

from __future__ import annotations

import math
from collections.abc import Callable

from vistry.hyperparameter.values import Hyperparameters
from vistry.registry.part_code import broken, guarded, load_code
from vistry.registry.part_specs import ScheduleSpec
from vistry.registry.parts import Part, PartTable

Schedule = Callable[[int], float]


def number_of_updates(hyperparameters: Hyperparameters, batches: int) -> int:
    """Return how many updates of the weights a training has, with so many batches an epoch."""
    group = min(hyperparameters.gradient_accumulation_step, batches)
    return -(-batches // group) * hyperparameters.number_of_epochs


def warmup_cosine(hyperparameters: Hyperparameters, steps_per_epoch: int) -> Schedule:
    """Build `cosine_after_warmup` from the hyperparameters."""
    return cosine_after_warmup(
        warmup_steps=hyperparameters.warmup_cosine_lr_warmup_epochs * steps_per_epoch,
        total_steps=hyperparameters.number_of_epochs * steps_per_epoch,
        cycles=hyperparameters.warmup_cosine_lr_cycles,
    )


def cosine_after_warmup(warmup_steps: int, total_steps: int, cycles: float) -> Schedule:
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


def step(hyperparameters: Hyperparameters, steps_per_epoch: int) -> Schedule:
    """Build `step_decay` from the hyperparameters."""
    return step_decay(
        gamma=hyperparameters.step_lr_gamma,
        every_epochs=hyperparameters.step_lr_step_size,
        steps_per_epoch=steps_per_epoch,
    )


def step_decay(gamma: float, every_epochs: int, steps_per_epoch: int) -> Schedule:
    """Multiply by gamma after every so many epochs: gamma ** floor(epoch / every_epochs)."""

    def factor(step: int) -> float:
        return float(gamma ** (step // steps_per_epoch // every_epochs))

    return factor


def schedule_of(
    hyperparameters: Hyperparameters, steps_per_epoch: int, part: Part[ScheduleSpec] | None = None
) -> Schedule:
    """Build a schedule over batches counted from 0: the given one, or that of core which the hyperparameters name.

    Raises RegistryError for an unknown name, and where a plugin's schedule fails or gives anything but a factor of at
    least 0.
    """
    named = part or PartTable.of(None, ScheduleSpec).named(hyperparameters.learning_rate_scheduler)
    build = load_code(named, named.spec.function)
    with guarded(named):
        schedule = build(hyperparameters, steps_per_epoch)

    # Checked at every batch: a schedule is a function, and only its values can be wrong.
    def factor(step: int) -> float:
        with guarded(named):
            value = float(schedule(step))
        if not 0 <= value < math.inf:
            raise broken(named, f"at batch {step} the factor is {value}; it has to be a number of at least 0")
        return value

    return factor
