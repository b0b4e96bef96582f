"""Whether an exported model answers as its run does, in fp32 and on equal pixels, and how fast both are."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import mean, median
from time import perf_counter
from typing import Any

import numpy as np
import numpy.typing as npt

from vistry.data.images.decode import load_pixels
from vistry.errors import RunError, VistryError
from vistry.evaluation.classification import LABEL_THRESHOLD
from vistry.evaluation.detection.score_floor import score_floor
from vistry.export.check_images import CheckImages
from vistry.export.detection_matching import TOLERANCE, match
from vistry.inference.exported_record import ParityRecord
from vistry.inference.predictor import Predictor
from vistry.inference.run_predictor import LoadedRun
from vistry.loading.augmentation import Pixels
from vistry.registry.tasks import task_named

MOST_UNMATCHED = 0.01  # of all detections

Answer = Callable[[Pixels], Any]
Probabilities = npt.NDArray[np.float32]


class ParityError(VistryError):
    """An exported model whose answers aren't the run's."""


@dataclass(frozen=True)
class Pair:
    """What the run and the exported model answer for an image, and the milliseconds from its file to each answer."""

    image: Path
    of_run: Any
    of_file: Any
    run_ms: float
    file_ms: float


@dataclass(frozen=True)
class Difference:
    """By how much the answers of an image differ, and whether it is taken for the same classes.

    `fault` says in words what is beyond the tolerance, "" where nothing is.
    """

    largest: float
    mean: float
    same_answer: bool
    fault: str


def compared(loaded: LoadedRun, answer: Answer, images: CheckImages) -> ParityRecord:
    """Compare answers with those of a run, image by image.

    Raises ParityError where a probability differs by more than TOLERANCE, and where the likeliest class of an image is
    another, unless the two best are nearer than that; of a detector where more detections than one in a hundred have
    none like them.
    """
    loaded.engine.prediction_precision = "fp32"
    predictor = loaded.predictor()
    next(_pairs(predictor, answer, images.paths), None)  # what is made on first use is no part of an image's time
    pairs = list(_pairs(predictor, answer, images.paths))
    if not pairs:
        raise RunError(f"none of {len(images.paths)} validation images, such as {images.paths[0]}, can be read")
    figures = (
        _of_detectors(loaded, pairs) if task_named(predictor.task.name).has_boxes else _of_classifiers(loaded, pairs)
    )
    return replace(
        figures,
        images=len(pairs),
        made_up=images.made_up,
        run_ms=round(median(pair.run_ms for pair in pairs), 2),
        file_ms=round(median(pair.file_ms for pair in pairs), 2),
        device=loaded.engine.facts().device,
    )


def _of_classifiers(loaded: LoadedRun, pairs: Sequence[Pair]) -> ParityRecord:
    one_label = task_named(loaded.context.task.name).has_one_label
    differences = [difference_of(pair.of_run, pair.of_file, one_label=one_label) for pair in pairs]
    faults = [f"{pair.image}: {one.fault}" for pair, one in zip(pairs, differences, strict=True) if one.fault]
    if faults:
        raise ParityError(
            f"the exported model doesn't answer as {loaded.run.id} does, for {len(faults)} of {len(pairs)} images, "
            f"such as {faults[0]}; nothing was written"
        )
    return ParityRecord(
        max_difference=max(one.largest for one in differences),
        mean_difference=mean(one.mean for one in differences),
        same_answer=mean(one.same_answer for one in differences),
    )


def _of_detectors(loaded: LoadedRun, pairs: Sequence[Pair]) -> ParityRecord:
    """Match what both find above box_score_threshold, or all where that is nothing, each with one like it."""
    threshold = loaded.context.hyperparameters.box_score_threshold
    if not any((pair.of_run.detections.scores > threshold).any() for pair in pairs):
        threshold = score_floor(threshold)
    matchings = [match(pair.of_run.detections, pair.of_file.detections, threshold) for pair in pairs]
    total, unmatched = (
        sum(values) for values in zip(*((one.expected, one.unmatched) for one in matchings), strict=True)
    )
    if unmatched > MOST_UNMATCHED * total:
        worst = max(zip(matchings, pairs, strict=True), key=lambda both: both[0].unmatched)[1]
        raise ParityError(
            f"the exported model doesn't find what {loaded.run.id} does: {unmatched} of {total} detections have none "
            f"like them, most of them in {worst.image}; nothing was written"
        )
    apart = [value for one in matchings for value in one.scores_apart]
    return ParityRecord(
        max_difference=max(apart, default=0.0),
        mean_difference=mean(apart) if apart else 0.0,
        same_answer=1 - unmatched / total if total else 1.0,
        detections=total,
        max_pixels=max((value for one in matchings for value in one.pixels_apart), default=0.0),
    )


def difference_of(of_run: Probabilities, of_file: Probabilities, *, one_label: bool) -> Difference:
    """Compare the probabilities [C] of an image; with `one_label` the likeliest class has to be the same."""
    if of_file.shape != of_run.shape:
        fault = f"it has {of_file.shape} probabilities and not {of_run.shape}"
        return Difference(float("inf"), float("inf"), same_answer=False, fault=fault)
    apart = np.abs(of_run.astype(np.float64) - of_file)
    largest = float(apart.max())
    if not largest <= TOLERANCE:  # nor a NaN
        label = int(apart.argmax())
        fault = f"a probability of {of_file[label]:.4f} in place of {of_run[label]:.4f}"
        return Difference(largest, float(apart.mean()), same_answer=False, fault=fault)
    if not one_label:
        same = bool(np.array_equal(of_run > LABEL_THRESHOLD, of_file > LABEL_THRESHOLD))
        return Difference(largest, float(apart.mean()), same_answer=same, fault="")
    best, other = int(of_run.argmax()), int(of_file.argmax())
    fault = "another class is the likeliest" if of_run[best] - of_run[other] >= TOLERANCE else ""
    return Difference(largest, float(apart.mean()), same_answer=best == other, fault=fault)


def _pairs(predictor: Predictor, answer: Answer, images: Sequence[Path]) -> Iterator[Pair]:
    """Answer each image that can be read."""
    for path in images:
        began = perf_counter()
        [prediction] = predictor.predict([path], batch_size=1)
        between = perf_counter()
        if prediction.values is None:
            continue
        of_file = answer(load_pixels(path))
        run_ms, file_ms = 1000 * (between - began), 1000 * (perf_counter() - between)
        yield Pair(path, prediction.values, of_file, run_ms=run_ms, file_ms=file_ms)
