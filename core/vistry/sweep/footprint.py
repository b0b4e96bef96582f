"""Measures what a model takes, in a process of its own so that the memory is the model's: `python -m` this QUESTION."""

from __future__ import annotations

import os
import sys
import time
from itertools import cycle, islice
from statistics import median

from vistry.errors import VistryError
from vistry.hyperparameter.schema import Source
from vistry.runs.json_records import json_text
from vistry.sweep.constraints import Footprint, values_of_question
from vistry.sweep.folder import SweepFolder
from vistry.sweep.space import Values
from vistry.sweep.trial_training import splits_of
from vistry.training.cores import THREADS
from vistry.training.estimate import estimate
from vistry.training.initial_weights import load_initial_weights
from vistry.training.plan import Plan, make_plan
from vistry.training.prediction import predictions_of

PREDICTIONS = 5  # after one to warm up


def footprint(sweep: SweepFolder, model: str, values: Values) -> Footprint:
    """Train and predict a little and discard the result. Raises VistryError."""
    record = sweep.record
    request = record.request.request(record.task, record.primary_metric, model)
    plan = make_plan(request, [Source.of(values, "the sweep")], splits_of(sweep))
    expected = estimate(plan)  # before anything else, for the peak of memory is this process's
    latency, size = prediction(plan)
    return Footprint(
        parameters=expected.engine.parameters, model_size=size, latency=latency, memory=expected.memory_bytes
    )


def prediction(plan: Plan) -> tuple[float, int]:
    """The seconds to read and predict one image, and the bytes of the weights."""
    num_classes = len(plan.classes)
    module = plan.context.module(num_classes)
    load_initial_weights(plan.context, module, plan.initial_weights, num_classes=num_classes)
    engine = plan.context.engine(module, plan.data_summary)
    size = sum(array.nbytes for array in engine.weights().values())
    transform, seconds = plan.context.input().eval_transform(), []
    for image in islice(cycle(plan.validation.images), 1 + PREDICTIONS):
        began = time.monotonic()
        list(predictions_of(engine, transform, [image], batch_size=1))
        seconds.append(time.monotonic() - began)
    return median(seconds[1:]), size


def main() -> None:
    """Measure what the question asks for, and print it as JSON."""
    sweep, model, values = values_of_question(sys.argv[1])
    os.environ[THREADS] = str(sweep.record.threads)
    try:
        print(json_text(footprint(sweep, model, values)))
    except VistryError as error:
        sys.exit(str(error).replace("\n", "; "))


if __name__ == "__main__":
    main()
