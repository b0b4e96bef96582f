"""Checks of weights: they survive being written and read, and are the same in every backend."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from vistry.data.readers.labels import OBJECT_TASKS
from vistry.errors import VistryError
from vistry.evaluation.detection.types import Detections
from vistry.loading.augmentation import Pixels
from vistry.runs.checkpoint import write_tensors
from vistry.task.behaviour import as_numpy
from vistry.testing.check import CheckFailed, NothingToCheck, listed, require
from vistry.testing.model_subject import ModelSubject, eight_inputs, resize_infos, responses
from vistry.testing.samples import CLASSES
from vistry.training.initial_weights import InitialWeights, load_initial_weights
from vistry.training.model_context import ModelContext
from vistry.weights.matching import Arrays

TOLERANCE = 1e-4


def weights_survive_safetensors(subject: ModelSubject) -> None:
    """A trained model written as safetensors and read into another one is that model, bit for bit."""
    context = subject.context()
    engine = subject.engine(context)
    engine.accumulate(eight_inputs(context), 1.0, 0)
    engine.update(0.01)
    written = engine.weights()
    other = subject.context(random_seed=1)
    module = other.module(len(CLASSES))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "weights.safetensors"
        write_tensors(path, written, {})
        try:
            fresh = load_initial_weights(other, module, InitialWeights(path), len(CLASSES))
        except VistryError as error:
            raise CheckFailed(f"its own weights can't be read again: {error}; look at vistry_map_weights") from error
    require(not fresh, f"its own weights are read without {listed(fresh)}; look at vistry_map_weights")
    again = subject.engine(context, module)
    read = again.weights()
    differing = [name for name in {**written, **read} if not _equal(written.get(name), read.get(name))]
    require(not differing, f"written and read, these tensors differ: {listed(differing)}")
    images = eight_inputs(context, training=False).images
    require(
        responses(context, engine, images) == responses(context, again, images),
        "the same weights give other predictions in another model: something that decides them is in no tensor of its "
        "state; make it a parameter or a persistent buffer",
    )


def _equal(first: npt.NDArray[Any] | None, second: npt.NDArray[Any] | None) -> bool:
    return first is not None and second is not None and np.array_equal(first, second)


def one_backend(subject: ModelSubject) -> str:
    """Why there is no other backend to compare with, if so."""
    return "" if _other_backends(subject) else f"it has one backend, {subject.backend}"


def _other_backends(subject: ModelSubject) -> list[str]:
    return [backend for backend in subject.card.backends if backend != subject.backend]


def backends_agree(subject: ModelSubject) -> None:
    """With one set of weights each backend's logits, or boxes and scores, are within 1e-4 of the first's largest."""
    context = subject.context(box_score_threshold=0)
    engine = subject.engine(context)
    engine.accumulate(eight_inputs(context), 1.0, 0)
    engine.update(0.01)
    weights = engine.weights()
    images = eight_inputs(context, training=False).images
    outputs = _outputs(context, weights, images)
    what, apart_in = ("boxes and scores", _objects_apart) if subject.task in OBJECT_TASKS else ("logits", _logits_apart)
    for backend in _other_backends(subject):
        try:
            other = context.in_backend(backend)
        except VistryError as error:
            reason = f"plugin.toml declares the backend {backend}, which can't be used here: {error}"
            raise CheckFailed(reason) from error
        found = _outputs(other, weights, images)
        apart = apart_in(found, outputs)
        require(
            apart <= TOLERANCE,
            f"with the same weights the {what} of {backend} differ from those of {subject.backend} by {apart:.2g} of "
            f"the largest, where {TOLERANCE:g} is allowed; compare the two models layer by layer",
        )


def _logits_apart(found: npt.NDArray[np.float32], outputs: npt.NDArray[np.float32]) -> float:
    return float(np.abs(found - outputs).max() / np.abs(outputs).max())


def _objects_apart(found: Sequence[Detections], outputs: Sequence[Detections]) -> float:
    """How far the object that is least like any of the other backend's in its image is from the nearest of them.

    Whatever their order, which may differ where scores are nearly equal. Of boxes, in parts of the largest coordinate.
    """
    largest = max((float(one.boxes.max(initial=0)) for one in outputs), default=0)
    if not largest:
        raise NothingToCheck("it finds no object in noise, whatever the score")
    apart = 0.0
    for ours, theirs in zip(found, outputs, strict=True):
        if len(ours.scores) and len(theirs.scores):
            first, second = _as_points(ours, largest), _as_points(theirs, largest)
            distances = np.abs(first[:, None] - second).max(axis=2)
            apart = max(apart, float(distances.min(axis=0).max()), float(distances.min(axis=1).max()))
        elif len(ours.scores) != len(theirs.scores):
            return math.inf
    return apart


def _as_points(found: Detections, largest: float) -> npt.NDArray[np.float32]:
    """[K, 5 + classes]: box, score and class of each object, such that two of different classes are far apart."""
    return np.hstack([found.boxes / largest, found.scores[:, None], np.eye(len(CLASSES))[found.labels]])


def _outputs(context: ModelContext, weights: Arrays, images: Pixels) -> Any:
    """Outputs [N, C] in evaluation mode, before any postprocessing; of a detector what it finds in each image."""
    engine = context.engine_module
    module = context.module(len(CLASSES))
    shapes = engine.shapes_of(module)
    mine = {name: array.shape for name, array in weights.items()}
    strange = [name for name in {**mine, **shapes} if shapes.get(name) != mine.get(name)]
    require(not strange, f"the model's backends name or shape these tensors differently: {listed(strange)}")
    engine.load_arrays(module, weights)
    raw = None if context.task.name in OBJECT_TASKS else _raw
    predicting = context.prediction_engine(module, context.preprocessing(), raw)
    return predicting.predict(images, resize_infos(context, images))


def _raw(outputs: Any, frames: Any) -> npt.NDArray[np.float32]:  # noqa: ARG001
    return as_numpy(outputs)
