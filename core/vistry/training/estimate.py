"""How long a training takes and how much memory it needs, measured on a few of its own steps."""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import cycle, islice

from vistry.loading.batches import BatchReader
from vistry.runs.records import EngineFacts
from vistry.training.engines import Engine
from vistry.training.initial_weights import load_initial_weights
from vistry.training.plan import Plan
from vistry.training.prediction import predictions_of

STEPS = 3  # measured after one that warms caches up, or compiles
MAX_SECONDS = 30.0  # for those steps together: an estimate is asked for in a hurry


@dataclass(frozen=True)
class Estimate:
    """How long the training takes, from its fastest to its slowest measured step, and the peak memory in bytes.

    `step_seconds` and `total_seconds`, of all epochs with their evaluations, are by the fastest of `steps` steps;
    `slowest_step_seconds` and `slowest_total_seconds` by the slowest. `epoch_seconds` is of one epoch, by the fastest.
    """

    step_seconds: float
    total_seconds: float
    memory_bytes: int
    engine: EngineFacts
    steps: int
    slowest_step_seconds: float
    slowest_total_seconds: float
    epoch_seconds: float


def estimate(plan: Plan, clock: Callable[[], float] = time.monotonic, *, max_seconds: float = MAX_SECONDS) -> Estimate:
    """Train a few steps on the plan's own images and discard the result; nothing is written.

    After `max_seconds` no further step is measured, but one always is.
    """
    hyperparameters, num_classes = plan.hyperparameters, len(plan.classes)
    module = plan.context.module(num_classes)
    load_initial_weights(plan.context, module, plan.initial_weights, num_classes=num_classes)
    engine = plan.context.engine(module, plan.data_summary)
    steps = _step_seconds(plan, engine, clock, max_seconds=max_seconds)
    images = plan.context.input()
    sample = plan.validation.images[: hyperparameters.validation_batch_size]
    start = clock()
    predictions = list(predictions_of(engine, images.eval_transform(), sample, batch_size=len(sample)))
    evaluation = (clock() - start) / len(predictions) * len(plan.validation)
    epochs = hyperparameters.number_of_epochs
    evaluations = -(-epochs // hyperparameters.evaluation_frequency)

    def total(step: float) -> float:
        return epochs * plan.batches_per_epoch * step + evaluations * evaluation

    return Estimate(
        step_seconds=min(steps),
        total_seconds=total(min(steps)),
        memory_bytes=peak_memory(engine),
        engine=engine.facts(),
        steps=len(steps),
        slowest_step_seconds=max(steps),
        slowest_total_seconds=total(max(steps)),
        epoch_seconds=plan.batches_per_epoch * min(steps) + evaluation,
    )


def _step_seconds(plan: Plan, engine: Engine, clock: Callable[[], float], *, max_seconds: float) -> list[float]:
    """Return the seconds of up to three steps after a first one, at least of one."""
    dataset, seed = plan.context.training_dataset(plan.training), plan.hyperparameters.random_seed
    batches = list(islice(cycle(dataset.batches(seed, 0)), 1 + STEPS))
    seconds: list[float] = []
    with BatchReader(dataset, plan.hyperparameters.number_of_workers) as reader:
        for step, batch in enumerate(reader.read(batches, seed, 0)):
            start = clock()
            engine.accumulate(batch, 1.0, step)
            engine.update(0.0)  # a full step's work; the weights are thrown away, so the rate plays no part
            if step:
                seconds.append(clock() - start)
            if sum(seconds) > max_seconds:
                break
    return seconds


def peak_memory(engine: Engine) -> int:
    """Return the most bytes in use so far: of the device, or of this process where the device has no own memory."""
    if (device_peak := engine.peak_memory()) is not None:
        return device_peak
    unit = 1 if sys.platform == "darwin" else 1024  # getrusage counts bytes on macOS, kibibytes on Linux
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
