"""A few training steps and predictions of a model with random weights and images, timed: `python -m` this QUESTION.

It is run in a process of its own, so that the memory is the model's and nothing else's; the question is JSON, and so is
the last line that it prints.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from statistics import median

import numpy as np

from vistry.choosing.machine import machine, resident_peak
from vistry.choosing.measurement import Measurement, Question
from vistry.errors import VistryError
from vistry.hyperparameter.schema import Source
from vistry.loading.batches import Batch
from vistry.loading.views import identity_resizes
from vistry.plugin.types import Module, TrainingData
from vistry.registry.catalogue import Catalogue
from vistry.testing.samples import CLASSES, IMAGES, eight_rows
from vistry.training.auto_values import with_auto_resolved
from vistry.training.engines import Engine
from vistry.training.model_context import ModelContext

WARM_UP = 1  # steps whose time isn't counted: the first compile, or fill caches
STEPS = 5
MAX_SECONDS = 30.0  # for the counted steps of a kind together; at least one is measured
LARGEST_BATCH = 8  # that is taken where nobody names one: models are compared on the same images


def measured(question: Question) -> Measurement:
    """Measure in this process. Raises VistryError."""
    context, batch = _context(question)
    images = context.input()
    sides = {training: images.input_size(training=training) for training in (True, False)}
    start = resident_peak()
    module = context.module(len(CLASSES))
    predictor = context.prediction_engine(module, context.preprocessing(), len(CLASSES))
    prediction = _prediction_seconds(predictor, _batch(context, sides[False], batch))
    prediction_memory = resident_peak(), predictor.peak_memory()
    del predictor
    engine = _training_engine(context, module, batch)
    training = _training_seconds(engine, _batch(context, sides[True], batch))
    facts = engine.facts()
    return Measurement(
        model=context.card.full_name,
        task=context.task.name,
        backend=facts.backend,
        backend_version=facts.backend_version,
        machine=machine(),
        device=facts.device,
        precision=facts.precision,
        batch=batch,
        training_pixels=sides[True],
        prediction_pixels=sides[False],
        classes=len(CLASSES),
        trainable_parameters=facts.trainable_parameters,
        seed=context.hyperparameters.random_seed,
        steps=len(training),
        warm_up=WARM_UP,
        compile_seconds=facts.compile_seconds,
        training_seconds=median(training),
        prediction_seconds=median(prediction),
        start_bytes=start,
        training_bytes=resident_peak(),
        prediction_bytes=prediction_memory[0],
        training_gpu_bytes=engine.peak_memory(),
        prediction_gpu_bytes=prediction_memory[1],
    )


def _context(question: Question) -> tuple[ModelContext, int]:
    """The model with its defaults, random weights and the batch; and the number of images in one."""
    catalogue = Catalogue.read()
    card = catalogue.model(question.model)
    context = ModelContext.of(catalogue, card, task=question.task, backend=question.backend)
    batch = question.batch or min(LARGEST_BATCH, context.hyperparameters.training_batch_size)
    values = {"weights": "none", "training_batch_size": batch, "validation_batch_size": batch}
    return with_auto_resolved(context.resolved([Source.of(values, "the measurement")]), ()), batch


def _batch(context: ModelContext, side: int, size: int) -> Batch:
    """Noise in the size of the input, with one object an image for detectors."""
    random = np.random.default_rng(context.hyperparameters.random_seed)
    rows = np.arange(size)
    table = eight_rows(context.task.name, side).take(rows % IMAGES)
    variable_size = context.input().eval_transform().variable_size
    return Batch(
        random.integers(0, 256, (size, side, side, 3), dtype=np.uint8),
        context.task.batch_targets(table),
        rows=rows,
        sizes=[(side, side)] * size if variable_size else None,
    )


def _training_engine(context: ModelContext, module: Module, batch: int) -> Engine:
    each = max(1, batch // len(CLASSES))
    return context.engine(module, TrainingData(CLASSES, (each,) * len(CLASSES), each * len(CLASSES)))


def _training_seconds(engine: Engine, batch: Batch) -> list[float]:
    """The seconds of training steps; the next one's loss waits for an update that still runs on a GPU."""

    def step(number: int) -> None:
        engine.accumulate(batch, 1.0, number)
        engine.update(0.0)  # a full step's work; the weights are thrown away, so the rate plays no part

    return seconds_of(step)


def _prediction_seconds(engine: Engine, batch: Batch) -> list[float]:
    frames = None if batch.sizes is None else identity_resizes(batch.images)
    return seconds_of(lambda _: engine.predict(batch.images, frames))


def seconds_of(step: Callable[[int], object], clock: Callable[[], float] = time.monotonic) -> list[float]:
    """Time up to five steps after those that warm up, as many as fit into half a minute, and at least one."""
    seconds: list[float] = []
    for number in range(WARM_UP + STEPS):
        start = clock()
        step(number)
        if number >= WARM_UP:
            seconds.append(clock() - start)
        if sum(seconds) > MAX_SECONDS:
            break
    return seconds


def _main(question: str) -> None:
    try:
        answer: object = measured(Question(**json.loads(question))).to_dict()
    except VistryError as error:
        answer = {"error": str(error)}
    print(json.dumps(answer))


if __name__ == "__main__":
    _main(sys.argv[1])
