"""How sure a figure is: the interval of the primary metric, and the classes that it says nothing of."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from vistry.errors import RegistryError
from vistry.evaluation.bootstrap import RESAMPLES, Counts, Statistic, Values, bootstrap_interval
from vistry.evaluation.confidence_interval import Interval
from vistry.registry.part_specs import MetricSpec
from vistry.registry.parts import Part
from vistry.task.behaviour import Measurement, Task
from vistry.task.metric_parts import value_of

MAX_SECONDS = 20.0  # for a metric of a plugin, which is computed anew for each resample


@dataclass(frozen=True)
class Doubt:
    """The interval of the primary metric, None where there is none, and the classes that no image has."""

    interval: Interval | None = None
    absent_classes: tuple[str, ...] = ()


def doubt_of(task: Task, metric: str, measurement: Measurement, part: Part[MetricSpec] | None = None) -> Doubt:
    """Draw other sets of images from those that were measured. `part` is the metric's own code, if it has any.

    There is no interval for a metric that is undefined, that fails, or whose code is too slow.
    """
    if not len(measurement.predictions) or not task.is_measured(measurement.hyperparameters):
        return Doubt()
    statistic = task.statistic(metric, measurement)
    if statistic is None and part is not None:
        statistic = _of_part(part, measurement)
    interval = None if statistic is None else bootstrap_interval(statistic, measurement.hyperparameters.random_seed)
    present = task.present(measurement)
    absent = [name for name, is_there in zip(measurement.classes, present, strict=True) if not is_there]
    return Doubt(interval, tuple(absent))


def _of_part(part: Part[MetricSpec], measurement: Measurement) -> Statistic | None:
    def of(counts: Counts) -> Values:
        return np.array([_taken(part, measurement, times) for times in counts], np.float64)

    images = len(measurement.predictions)
    began = time.perf_counter()
    _taken(part, measurement, np.ones(images))
    return Statistic(of, images) if (time.perf_counter() - began) * RESAMPLES < MAX_SECONDS else None


def _taken(part: Part[MetricSpec], measurement: Measurement, times: Values) -> float:
    rows = np.repeat(np.arange(len(times)), times.astype(np.int64))
    predictions = [measurement.predictions[row] for row in rows.tolist()]
    targets = measurement.targets
    taken = targets[rows] if isinstance(targets, np.ndarray) else [targets[row] for row in rows.tolist()]
    try:
        value = value_of(part, predictions, taken, classes=measurement.classes)
    except RegistryError:
        return np.nan
    return np.nan if value is None else value
