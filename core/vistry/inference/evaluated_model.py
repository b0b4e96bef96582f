"""What is evaluated: a run's best weights, or an exported file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from vistry.inference.exported_file import exported_file, is_exported_file
from vistry.inference.own_images import OwnImages, own_images, own_images_of_file
from vistry.inference.predictor import Predictor
from vistry.inference.run_predictor import load_run
from vistry.plugin.types import Values
from vistry.registry.parts import PartRecord
from vistry.runs.many import find_run_or_best


@dataclass(frozen=True)
class EvaluatedModel:
    """What predicts, the metric that it was chosen by, and the parts of plugins that its training had.

    `own_images` tells which of N files the run had before.
    """

    predictor: Predictor
    primary_metric: str
    parts: tuple[PartRecord, ...]
    own_images: Callable[[Sequence[str]], OwnImages]


def evaluated_model(
    name: str | Path, *, backend: str | None, threshold: float | None, changed: Values
) -> EvaluatedModel:
    """Load a run, or a file that was exported from one; arguments and errors are those of `evaluate`."""
    if is_exported_file(name):
        file = exported_file(name, backend)
        predictor, record = file.predictor(threshold, changed), file.record
        images = record.image_contents
        known = {split: one.contents() for split, one in images.items()} if images else None
        return EvaluatedModel(
            predictor, record.primary_metric, record.parts, own_images=partial(own_images_of_file, known)
        )
    run = find_run_or_best(name)
    predictor = load_run(run, backend=backend, threshold=threshold, changed=changed)
    return EvaluatedModel(predictor, run.record.primary_metric, run.record.parts, own_images=partial(own_images, run))
