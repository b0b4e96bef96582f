"""A run as something that predicts: it needs nothing beside the run folder and the model's plugin."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from vistry.data.augmentation import Pixels
from vistry.data.batches import default_workers
from vistry.errors import DataError, VistryError
from vistry.hook_calls import hooks_of
from vistry.hyperparameter.schema import Hyperparameters
from vistry.registry.cards import ModelCard
from vistry.registry.catalogue import Catalogue
from vistry.runs.checkpoint import read_checkpoint
from vistry.runs.folder import Run, find_run
from vistry.task import behaviour_of
from vistry.training.build import build
from vistry.training.engines import Engine, EngineSettings, engine_module, is_installed

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".bmp", ".tif", ".tiff", ".gif", ".webp")


@dataclass(frozen=True)
class Prediction:
    """One image's prediction ([C] probabilities), or the reason there is none."""

    image: str
    values: npt.NDArray[np.float32] | None
    error: str | None = None


class Predictor:
    """The best weights of a run, ready to predict."""

    def __init__(self, run: Run, engine: Engine, values: Hyperparameters):
        self.run = run
        self.engine = engine
        self.task = behaviour_of(run.record["task"])
        self.classes: tuple[str, ...] = tuple(run.record["classes"])
        self.batch_size: int = values["validation_batch_size"]
        self.workers: int = values["number_of_workers"] or default_workers()
        self._prepare, self._size = self.task.preparation(values, False)

    def predict(self, images: Iterable[str | Path], batch_size: int | None = None) -> Iterator[Prediction]:
        """A prediction for each image, in order; an image that can't be read costs only itself."""
        with ThreadPoolExecutor(self.workers) as pool:
            waiting = iter(images)
            size = batch_size or self.batch_size
            ahead = self._read(pool, list(islice(waiting, size)))
            while ahead:
                current, ahead = ahead, self._read(pool, list(islice(waiting, size)))
                yield from self._finish(current)

    def respond(self, prediction: Prediction) -> dict[str, Any]:
        """The hosted product's response for one image, or `{"error": ...}`."""
        if prediction.values is None:
            return {"error": prediction.error}
        return self.task.response(prediction.values, self.classes)

    def _read(self, pool: ThreadPoolExecutor, images: list[str | Path]) -> list[tuple[str, Future[Pixels]]]:
        return [(str(image), pool.submit(self._prepare, str(image), None)) for image in images]  # type: ignore[arg-type]

    def _finish(self, batch: Sequence[tuple[str, Future[Pixels]]]) -> Iterator[Prediction]:
        pixels, errors = {}, {}
        for position, (_, future) in enumerate(batch):
            try:
                pixels[position] = future.result()
            except DataError as error:
                errors[position] = str(error)
        predicted = (
            dict(zip(pixels, self.engine.predict(np.stack(list(pixels.values()))), strict=True)) if pixels else {}
        )
        for position, (image, _) in enumerate(batch):
            yield Prediction(image, predicted.get(position), errors.get(position))


def load(run: str | Path, *, backend: str | None = None) -> Predictor:
    """The best model of a run, by folder, identifier or "last", in the engine that trained it or in `backend`.

    Raises RunError or RegistryError.
    """
    found = find_run(run)
    weights, _ = read_checkpoint(found.best_weights)
    catalogue, record = Catalogue.read(), found.record
    values = Hyperparameters.from_dict(found.hyperparameters)
    card = catalogue.model(record["model"]["full_name"])
    hooks = hooks_of(catalogue, card)
    asked = {"card": card, "task": record["task"], "hyperparameters": values}
    backend = backend or _own_backend(card, record["backend"])
    module = build(catalogue, card, record["task"], len(record["classes"]), values, backend)
    settings = EngineSettings(values, type(card.preprocessing)(**record["preprocessing"]))
    engine = engine_module(backend).make(module, settings, None, hooks.vistry_build_postprocess(**asked))
    engine.load_weights(weights)
    return Predictor(found, engine, values)


def _own_backend(card: ModelCard, backend: str) -> str:
    """The backend that trained a run. Raises VistryError where it isn't installed, naming one that is."""
    others = [other for other in card.backends if other != backend and is_installed(other)]
    if others and not is_installed(backend):
        raise VistryError(
            f"the run was trained with {backend}, which is not installed; its weights are the same for {others[0]}: "
            f"add --backend {others[0]} (in Python backend='{others[0]}'), or type: pip install 'vistry[{backend}]'"
        )
    return backend


def image_files(paths: Iterable[str | Path]) -> list[Path]:
    """The files named, and the images in the folders named, sorted. Raises DataError for a path that is missing."""
    found: list[Path] = []
    for path in map(Path, paths):
        if path.is_dir():
            inside = (file for file in path.rglob("*") if file.suffix.lower() in IMAGE_SUFFIXES)
            found += sorted(file for file in inside if not file.name.startswith("."))
        elif path.exists():
            found.append(path)
        else:
            raise DataError(f"{path}: there is no such file or folder")
    if not found:
        raise DataError("there are no images to predict: name image files or a folder that holds some")
    return found


def predict(
    run: str | Path, images: str | Path | Sequence[str | Path], *, backend: str | None = None
) -> list[dict[str, Any]]:
    """Predictions of images or folders in the hosted product's schema, each with its `filename`."""
    named = [images] if isinstance(images, (str, Path)) else list(images)
    if not named:
        raise VistryError("no images are named")
    predictor = load(run, backend=backend)
    return [
        {"filename": prediction.image, **predictor.respond(prediction)}
        for prediction in predictor.predict(image_files(named))
    ]
