"""Checks of weights: they can be written and read, and give the same outputs in every backend."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from vistry.errors import VistryError
from vistry.evaluation.detection.types import Detections
from vistry.loading.augmentation import Pixels
from vistry.loading.views import ResizeInfo
from vistry.plugin.types import Tensor
from vistry.registry.tasks import task_named
from vistry.runs.checkpoint import write_tensors
from vistry.task.behaviour import as_numpy
from vistry.testing.build_checks import is_detector
from vistry.testing.check import CheckFailed, NothingToCheck, listed, require
from vistry.testing.model_subject import ModelSubject, eight_inputs, resize_infos, responses
from vistry.testing.samples import CLASSES
from vistry.training.initial_weights import InitialWeights, load_initial_weights
from vistry.training.model_context import ModelContext
from vistry.weights.matching import Arrays

TOLERANCE = 1e-4  # of the largest value; fp32 in another order of sums stays well below it


def weights_round_trip_safetensors(subject: ModelSubject) -> None:
    """A trained model written as safetensors and read into another one gives the same predictions, bit for bit."""
    context = subject.context()
    engine = subject.engine(context)
    # A step first: untrained models have equal running statistics, which would hide those that aren't saved.
    engine.accumulate(eight_inputs(context), 1.0, 0)
    engine.update(0.01)
    written = engine.weights()
    other = subject.context(random_seed=1)  # so that a tensor that isn't read differs
    module = other.module(len(CLASSES))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "weights.safetensors"
        write_tensors(path, written, {})
        try:
            missing = load_initial_weights(other, module, InitialWeights(path), num_classes=len(CLASSES)).fresh
        except VistryError as error:
            raise CheckFailed(f"the model's own weights can't be read: {error}; look at vistry_map_weights") from error
    require(not missing, f"the model's own weights are read without {listed(missing)}; look at vistry_map_weights")
    reread = subject.engine(context, module)
    read = reread.weights()
    differing = [name for name in {**written, **read} if not _equal(written.get(name), read.get(name))]
    require(
        not differing,
        f"these tensors change when they are written and read: {listed(differing)}; look at vistry_map_weights",
    )
    images = eight_inputs(context, training=False).images
    require(
        responses(context, engine, images) == responses(context, reread, images),
        "the same weights give other predictions in another model: some state that affects predictions isn't saved; "
        "register it as a parameter or persistent buffer",
    )


def _equal(first: npt.NDArray[Any] | None, second: npt.NDArray[Any] | None) -> bool:
    return first is not None and second is not None and np.array_equal(first, second)


def absent_second_backend(subject: ModelSubject) -> str:
    """Return why no backends are compared, "" if they are."""
    return "" if _other_backends(subject) else f"the model has one backend, {subject.backend}"


def _other_backends(subject: ModelSubject) -> list[str]:
    return [backend for backend in subject.card.backends if backend != subject.backend]


def backends_agree(subject: ModelSubject) -> None:
    """With the same weights the backends' logits, or boxes and scores, differ by at most 1e-4 of the largest."""
    context = subject.context(box_score_threshold=0)
    engine = subject.engine(context)
    engine.accumulate(eight_inputs(context), 1.0, 0)
    engine.update(0.01)
    weights = engine.weights()
    images = eight_inputs(context, training=False).images
    outputs = _outputs(context, weights, images, weights_from=subject.backend)
    names, distance = ("boxes and scores", _detections_apart) if is_detector(subject) else ("logits", _logits_apart)
    for backend in _other_backends(subject):
        try:
            other = context.in_backend(backend)
        except VistryError as error:
            reason = f"plugin.toml declares the backend {backend}, which can't be used: {error}"
            raise CheckFailed(reason) from error
        apart = distance(_outputs(other, weights, images, weights_from=subject.backend), outputs)
        require(
            apart <= TOLERANCE,
            f"with the same weights the {names} of {backend} differ from those of {subject.backend} by {apart:.2g} of "
            f"the largest, more than {TOLERANCE:g}; compare the two models layer by layer",
        )


def _logits_apart(others: npt.NDArray[np.float32], outputs: npt.NDArray[np.float32]) -> float:
    return float(np.abs(others - outputs).max() / np.abs(outputs).max())


def _detections_apart(others: Sequence[Detections], outputs: Sequence[Detections]) -> float:
    """Return the largest distance of an object to the nearest one of the other backend in the same image.

    The order plays no part: it may differ where scores are nearly equal. Distances between boxes are in parts of the
    largest coordinate.
    """
    largest = max((float(one.boxes.max(initial=0)) for one in outputs), default=0)
    if not largest:
        raise NothingToCheck("the model detects nothing in noise, at any score")
    apart = 0.0
    for detections, references in zip(others, outputs, strict=True):
        if len(detections.scores) and len(references.scores):
            first, second = _as_points(detections, largest), _as_points(references, largest)
            distances = np.abs(first[:, None] - second).max(axis=2)
            apart = max(apart, float(distances.min(axis=0).max()), float(distances.min(axis=1).max()))
        elif len(detections.scores) != len(references.scores):
            return math.inf
    return apart


def _as_points(detections: Detections, largest: float) -> npt.NDArray[np.float32]:
    """Return [K, 5 + classes]: box, score and one-hot class of each object, so that other classes are far apart."""
    return np.hstack([detections.boxes / largest, detections.scores[:, None], np.eye(len(CLASSES))[detections.labels]])


def _outputs(context: ModelContext, weights: Arrays, images: Pixels, *, weights_from: str) -> Any:
    """Return logits [N, C], before any postprocessing; of a detector the `Detections` of each image."""
    engine = context.engine_module
    module = context.module(len(CLASSES))
    shapes = engine.shapes_of(module)
    expected = {name: array.shape for name, array in weights.items()}
    differing = [name for name in {**expected, **shapes} if shapes.get(name) != expected.get(name)]
    require(
        not differing,
        f"{context.backend} and {weights_from} name or shape these tensors differently: {listed(differing)}",
    )
    engine.load_arrays(module, weights)
    raw = None if task_named(context.task.name).has_boxes else _raw
    engine_to_predict = context.prediction_engine(module, context.preprocessing(), len(CLASSES), postprocess=raw)
    return engine_to_predict.predict(images, resize_infos(context, images))


def _raw(outputs: Tensor, resize_infos: Sequence[ResizeInfo]) -> npt.NDArray[np.float32]:  # noqa: ARG001
    return as_numpy(outputs)
