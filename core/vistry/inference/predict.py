"""`vistry.predict`: predictions for images, and the files written beside them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from vistry.errors import VistryError
from vistry.inference.detection_files import DetectionFiles
from vistry.inference.image_files import image_files
from vistry.inference.load import load
from vistry.inference.predicted_labels import PredictedLabels


def predict(
    run: str | Path,
    images: str | Path | Sequence[str | Path],
    *,
    backend: str | None = None,
    draw: str | Path | None = None,
    masks: str | Path | None = None,
    threshold: float | None = None,
    to: str | None = None,
    output: str | Path | None = None,
    **changed: Any,
) -> list[dict[str, Any]]:
    """Predict images, or the images in folders; return an entry for each in the hosted product's schema.

    Args:
        run: a run folder, an identifier or "last"; the name of a model that has published weights of its own; or a
            file that `vistry.export` wrote.
        images: a file or a folder, or several of them.
        backend: the tensor library, where it isn't the one that trained the run.
        draw: a folder for drawings of the detections, one an image.
        masks: a folder for masks as images, written with export_as_image; by default the working folder.
        threshold: the score above which predictions count, as in `load`.
        to: a format that can be written, such as "label_studio" or "coco", in which what is predicted is written as
            labels; those of the classes above their thresholds.
        output: the file or folder for these labels.
        changed: hyperparameters with other values than in training, as in `load`.

    Returns:
        For each image a dictionary with its `filename`, and the prediction or an `error`.
    """
    paths = [images] if isinstance(images, (str, Path)) else list(images)
    if not paths:
        raise VistryError("no images to predict; name files or folders")
    if output is not None and to is None:
        raise VistryError("output is where labels are written; name their format with to, or leave output out")
    predictor = load(run, backend=backend, threshold=threshold, **changed)
    files = image_files(paths)
    written = DetectionFiles.of(predictor, _path(draw), _path(masks), images=files)
    labels = PredictedLabels.of(predictor, to, _path(output), images=files)
    entries = []
    for prediction in predictor.predict(files):
        written.write(prediction)
        if labels is not None:
            labels.add(prediction)
        entries.append({"filename": prediction.image, **predictor.respond(prediction)})
    if labels is not None:
        labels.write()
    return entries


def _path(folder: str | Path | None) -> Path | None:
    return None if folder is None else Path(folder)
