"""`vistry.predict`: predictions of images with a run, and the files that are written beside them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from vistry.errors import VistryError
from vistry.inference.detection_files import ObjectFiles
from vistry.inference.image_files import image_files
from vistry.inference.predictor import load


def predict(
    run: str | Path,
    images: str | Path | Sequence[str | Path],
    *,
    backend: str | None = None,
    draw: str | Path | None = None,
    masks: str | Path | None = None,
    **changed: Any,
) -> list[dict[str, Any]]:
    """Predict images or folders; return an entry for each image in the hosted product's schema, with its `filename`.

    Args:
        run: a run's folder or identifier, or "last".
        images: image files, or folders that hold some.
        backend: the engine that computes; by default the one that trained the run.
        draw: a folder for pictures of the detections.
        masks: the folder for masks, which are written with `export_as_image`; by default the working folder.
        changed: hyperparameters of prediction by their own names, with other values than in training.

    Raises RunError, HyperparameterError or DataError. An image that can't be read has an `error` in its entry.
    """
    named = [images] if isinstance(images, (str, Path)) else list(images)
    if not named:
        raise VistryError("no images are named")
    predictor = load(run, backend=backend, **changed)
    written = ObjectFiles.of(predictor, *(None if folder is None else Path(folder) for folder in (draw, masks)))
    entries = []
    for prediction in predictor.predict(image_files(named)):
        written.write(prediction)
        entries.append({"filename": prediction.image, **predictor.respond(prediction)})
    return entries
