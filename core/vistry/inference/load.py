"""Trained weights by the name of a run, of a model or of an exported file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from vistry.errors import RunError
from vistry.inference.exported_file import exported_file, is_exported_file
from vistry.inference.predictor import Predictor
from vistry.inference.published_predictor import model_called, published_predictor
from vistry.inference.run_predictor import load_run
from vistry.runs.many import find_run_or_best


def load(run: str | Path, *, backend: str | None = None, threshold: float | None = None, **changed: Any) -> Predictor:
    """Load the best weights of a run, or those that a plugin publishes for a model, ready to predict.

    Args:
        run: a run folder, an identifier or "last"; the name of a model that has published weights of its own; or a
            file that `vistry.export` wrote.
        backend: the tensor library, where it isn't the one that trained the run.
        threshold: the score above which predictions count, in place of those that `vistry.threshold` chose; of a
            detector it is box_score_threshold.
        changed: hyperparameters with other values than in training, of those that may change afterwards; of a model
            also `weights`.

    A file needs neither torch nor the model's plugin. Raises RunError, RegistryError, WeightsError or
    HyperparameterError, and VistryError for a threshold.
    """
    if is_exported_file(run):
        return exported_file(run, backend).predictor(threshold, changed)
    try:
        trained = find_run_or_best(run)
    except RunError as error:
        if card := model_called(run):
            return published_predictor(card, backend=backend, threshold=threshold, changed=changed)
        raise RunError(f"{error}; and no model has that name") from None
    return load_run(trained, backend=backend, threshold=threshold, changed=changed)
