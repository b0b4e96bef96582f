"""How long a training will take and how much memory it needs: measured on a few of its own steps."""

from __future__ import annotations

import resource
import sys
import time
from dataclasses import dataclass
from typing import Any

from vistry.loading.batches import BatchReader
from vistry.runs.records import EngineFacts
from vistry.training.initial_weights import load_initial_weights
from vistry.training.plan import Plan
from vistry.training.prediction import predictions_of

STEPS = 3
ENOUGH_SECONDS = 10.0


@dataclass(frozen=True)
class Estimate:
    """Seconds of one step, of all epochs with their evaluations, and the peak of memory in bytes."""

    step_seconds: float
    total_seconds: float
    memory_bytes: int
    engine: EngineFacts


def estimate(plan: Plan) -> Estimate:
    """Train up to three steps on the plan's own images and throw the result away; nothing is written."""
    values, num_classes = plan.hyperparameters, len(plan.classes)
    module = plan.context.module(num_classes)
    load_initial_weights(plan.context, module, plan.initial_weights, num_classes=num_classes)
    engine = plan.context.engine(module, plan.data_summary)
    images = plan.context.input()
    dataset = images.dataset(plan.training)
    batches = dataset.batches(values.random_seed, 0)
    times = []
    with BatchReader(dataset, values.number_of_workers) as reader:
        for step, batch in enumerate(reader.read(batches[:STEPS], values.random_seed, 0)):
            began = time.monotonic()
            engine.accumulate(batch, 1.0, step)
            engine.update(0.0)
            times.append(time.monotonic() - began)
            if sum(times) > ENOUGH_SECONDS:
                break
    some = plan.validation.images[: values.validation_batch_size]
    began = time.monotonic()
    predicted = list(predictions_of(engine, images.eval_transform(), some, batch_size=len(some)))
    per_image = (time.monotonic() - began) / len(predicted)
    step_seconds = min(times)
    epochs = values.number_of_epochs
    evaluations = -(-epochs // values.evaluation_frequency)
    total = epochs * len(batches) * step_seconds + evaluations * per_image * len(plan.validation)
    return Estimate(step_seconds, total, peak_memory(engine), engine.facts())


def peak_memory(engine: Any) -> int:
    """Bytes: the device's peak where it has memory of its own, else this process's."""
    if (device_peak := engine.peak_memory()) is not None:
        return int(device_peak)
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
