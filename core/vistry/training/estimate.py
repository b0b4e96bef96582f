"""How long a training takes and how much memory it needs, measured on a few of its own steps."""

from __future__ import annotations

import resource
import sys
import time
from dataclasses import dataclass

from vistry.loading.batches import BatchReader
from vistry.runs.records import EngineFacts
from vistry.training.engines import Engine
from vistry.training.initial_weights import load_initial_weights
from vistry.training.plan import Plan
from vistry.training.prediction import predictions_of

STEPS = 3  # the first one warms caches up, or compiles; the fastest counts
MAX_SECONDS = 10.0  # for the steps together: an estimate is asked for in a hurry


@dataclass(frozen=True)
class Estimate:
    """Seconds of one step, of all epochs with their evaluations, and the peak memory in bytes."""

    step_seconds: float
    total_seconds: float
    memory_bytes: int
    engine: EngineFacts


def estimate(plan: Plan) -> Estimate:
    """Train up to three steps on the plan's own images and discard the result; nothing is written."""
    hyperparameters, num_classes = plan.hyperparameters, len(plan.classes)
    module = plan.context.module(num_classes)
    load_initial_weights(plan.context, module, plan.initial_weights, num_classes=num_classes)
    engine = plan.context.engine(module, plan.data_summary)
    images = plan.context.input()
    dataset = plan.context.training_dataset(plan.training)
    batches = dataset.batches(hyperparameters.random_seed, 0)
    times = []
    with BatchReader(dataset, hyperparameters.number_of_workers) as reader:
        for step, batch in enumerate(reader.read(batches[:STEPS], hyperparameters.random_seed, 0)):
            start = time.monotonic()
            engine.accumulate(batch, 1.0, step)
            engine.update(0.0)  # a full step's work; the weights are thrown away, so the rate plays no part
            times.append(time.monotonic() - start)
            if sum(times) > MAX_SECONDS:
                break
    sample = plan.validation.images[: hyperparameters.validation_batch_size]
    start = time.monotonic()
    predictions = list(predictions_of(engine, images.eval_transform(), sample, batch_size=len(sample)))
    seconds_per_image = (time.monotonic() - start) / len(predictions)
    epochs = hyperparameters.number_of_epochs
    evaluations = -(-epochs // hyperparameters.evaluation_frequency)
    return Estimate(
        step_seconds=min(times),
        total_seconds=epochs * len(batches) * min(times) + evaluations * seconds_per_image * len(plan.validation),
        memory_bytes=peak_memory(engine),
        engine=engine.facts(),
    )


def peak_memory(engine: Engine) -> int:
    """Return the most bytes in use so far: of the device, or of this process where the device has no own memory."""
    if (device_peak := engine.peak_memory()) is not None:
        return device_peak
    unit = 1 if sys.platform == "darwin" else 1024  # getrusage counts bytes on macOS, kibibytes on Linux
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
