"""Checks of weights: they survive being written and read, and are the same in every backend."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from vistry.errors import VistryError
from vistry.runs.checkpoint import write_checkpoint
from vistry.task.outputs import as_numpy
from vistry.testing.check import CheckFailed, NothingToCheck, listed, require
from vistry.testing.samples import CLASSES, eight_samples
from vistry.testing.subject import ModelSubject
from vistry.training.build import Start, fill, preprocessing_of
from vistry.training.engines import EngineSettings, engine_module

TOLERANCE = 1e-4


def weights_survive_safetensors(subject: ModelSubject) -> None:
    """A trained model written as safetensors and read into another one is that model, bit for bit."""
    values = subject.values()
    engine = subject.engine(values)
    engine.accumulate(eight_samples(subject.task, subject.side(values)), 1.0, 0)
    engine.update(0.01)
    written = engine.weights()
    other = subject.values(random_seed=1)
    module = subject.module(other)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "weights.safetensors"
        write_checkpoint(path, written, {})
        try:
            fresh = fill(
                subject.catalogue, subject.card, subject.task, module, Start(path), len(CLASSES), other, subject.backend
            )
        except VistryError as error:
            raise CheckFailed(f"its own weights can't be read again: {error}; look at vistry_map_weights") from error
    require(not fresh, f"its own weights are read without {listed(fresh)}; look at vistry_map_weights")
    again = subject.engine(values, module)
    read = again.weights()
    differing = [name for name in {**written, **read} if not _equal(written.get(name), read.get(name))]
    require(not differing, f"written and read, these tensors differ: {listed(differing)}")
    images = eight_samples(subject.task, subject.side(values, training=False)).images
    require(
        subject.response_of(engine, values, images) == subject.response_of(again, values, images),
        "the same weights give other predictions in another model: something that decides them is in no tensor of its "
        "state; make it a parameter or a persistent buffer",
    )


def _equal(first: npt.NDArray[Any] | None, second: npt.NDArray[Any] | None) -> bool:
    return first is not None and second is not None and np.array_equal(first, second)


def backends_agree(subject: ModelSubject) -> None:
    """With one set of weights the logits of each backend are within 1e-4 of the largest of the first one's."""
    others = subject.card.backends[1:]
    if not others:
        raise NothingToCheck(f"it has one backend, {subject.backend}")
    values = subject.values()
    engine = subject.engine(values)
    engine.accumulate(eight_samples(subject.task, subject.side(values)), 1.0, 0)
    engine.update(0.01)
    weights = engine.weights()
    images = eight_samples(subject.task, subject.side(values, training=False)).images
    logits = _logits(subject, subject.backend, values, weights, images)
    for backend in others:
        found = _logits(subject, backend, values, weights, images)
        apart = float(np.abs(found - logits).max() / np.abs(logits).max())
        require(
            apart <= TOLERANCE,
            f"with the same weights the logits of {backend} differ from those of {subject.backend} by {apart:.2g} of "
            f"the largest, where {TOLERANCE:g} is allowed; compare the two models layer by layer",
        )


def _logits(
    subject: ModelSubject, backend: str, values: Any, weights: dict[str, npt.NDArray[Any]], images: npt.NDArray[Any]
) -> npt.NDArray[np.float32]:
    """Outputs [N, C] in evaluation mode, before any postprocessing."""
    try:
        engine = engine_module(backend)
    except VistryError as error:
        raise CheckFailed(f"plugin.toml declares the backend {backend}, and it can't be used here: {error}") from error
    module = subject.module(values, backend=backend)
    shapes = engine.shapes_of(module)
    mine = {name: array.shape for name, array in weights.items()}
    strange = [name for name in {**mine, **shapes} if shapes.get(name) != mine.get(name)]
    require(not strange, f"{backend} and {subject.backend} name or shape these tensors differently: {listed(strange)}")
    engine.load_arrays(module, weights)
    settings = EngineSettings(values, preprocessing_of(subject.catalogue, subject.card, subject.task, values))
    made = engine.make(module, settings, None, _as_they_are)
    found: npt.NDArray[np.float32] = made.predict(images)
    return found


def _as_they_are(outputs: Any, frames: Any) -> npt.NDArray[np.float32]:  # noqa: ARG001
    return as_numpy(outputs)
