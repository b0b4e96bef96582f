"""A trained run, loaded to predict; it needs nothing but the run folder and the model's plugin."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from vistry.errors import DataError, HyperparameterError, Problem, VistryError, suggestion
from vistry.evaluation.operating_point import Thresholds
from vistry.hyperparameter.offer import choosing_fields
from vistry.hyperparameter.recorded import hyperparameters_of
from vistry.hyperparameter.schema import Source
from vistry.hyperparameter.values import Hyperparameters
from vistry.loading.views import EvalTransform
from vistry.plugin.faults import traceback_kept_in
from vistry.plugin.types import Values
from vistry.registry.cards import ModelCard
from vistry.registry.catalogue import Catalogue
from vistry.registry.tasks import task_named
from vistry.runs.checkpoint import read_checkpoint
from vistry.runs.folder import Run, find_run
from vistry.runs.records import BestFacts
from vistry.runs.thresholds import thresholds_of
from vistry.task import behaviour_of
from vistry.training.engines import Engine, is_installed
from vistry.training.model_context import ModelContext
from vistry.training.prediction import predictions_of
from vistry.training.recorded_model import recorded_model

BOX_THRESHOLD = "box_score_threshold"


@dataclass(frozen=True)
class Prediction:
    """The prediction of one image, of its task's type, or the error that says why there is none."""

    image: str
    values: Any | None
    error: str | None = None


class Predictor:
    """The best weights of a run, ready to predict.

    `thresholds` [C] are those of the classes, where some were chosen for the run or given; None: what the task takes.
    """

    def __init__(
        self,
        run: Run,
        engine: Engine,
        *,
        eval_transform: EvalTransform,
        hyperparameters: Hyperparameters,
        thresholds: Thresholds | None = None,
    ):
        self.run = run
        self.engine = engine
        self.hyperparameters = hyperparameters
        self.task = behaviour_of(run.record.task)
        self.classes: tuple[str, ...] = run.record.classes
        self.batch_size = hyperparameters.validation_batch_size
        self.eval_transform = eval_transform
        self.thresholds = thresholds

    def predict(self, images: Iterable[str | Path], batch_size: int | None = None) -> Iterator[Prediction]:
        """Yield a prediction for each image, in order; an image that can't be read gives one with an error.

        `batch_size` is by default validation_batch_size.
        """
        paths = [str(image) for image in images]
        workers = self.hyperparameters.number_of_workers
        size = batch_size or self.batch_size
        stream = predictions_of(self.engine, self.eval_transform, paths, batch_size=size, workers=workers)
        with traceback_kept_in(self.run.folder):
            for path, values in zip(paths, stream, strict=True):
                if isinstance(values, DataError):
                    yield Prediction(path, None, str(values))
                else:
                    yield Prediction(path, values)

    def respond(self, prediction: Prediction) -> dict[str, Any]:
        """Return a prediction in the hosted product's schema, or `{"error": ...}`."""
        if prediction.values is None:
            return {"error": prediction.error}
        return self.task.response(
            prediction.values, self.classes, hyperparameters=self.hyperparameters, thresholds=self.thresholds
        )

    def summary_line(self, prediction: Prediction) -> str:
        """Return a prediction in a line of text."""
        if prediction.values is None:
            return f"error: {prediction.error}"
        return self.task.summary_line(
            prediction.values, self.classes, hyperparameters=self.hyperparameters, thresholds=self.thresholds
        )


def load(run: str | Path, *, backend: str | None = None, threshold: float | None = None, **changed: Any) -> Predictor:
    """Load the best weights of a run, ready to predict.

    Args:
        run: a run folder, an identifier or "last".
        backend: the tensor library, where it isn't the one that trained the run.
        threshold: the score above which predictions count, in place of those that `vistry.threshold` chose; of a
            detector it is box_score_threshold.
        changed: hyperparameters with other values than in training, of those that may change afterwards.

    Raises RunError, RegistryError or HyperparameterError, and VistryError for a threshold.
    """
    trained = find_run(run)
    given = Given.of(trained, threshold, changed)
    with traceback_kept_in(trained.folder):
        return _loaded(trained, backend, given)


@dataclass(frozen=True)
class Given:
    """What a call changes of a run: hyperparameters, and the thresholds [C] of its classes.

    `has_own_threshold` is True where it names any, and those that were chosen for the run don't count.
    """

    changed: Values
    thresholds: Thresholds | None
    has_own_threshold: bool

    @classmethod
    def of(cls, run: Run, threshold: float | None, changed: Values) -> Given:
        """Check what a call gives. Raises VistryError for a threshold that the run's task doesn't have."""
        if threshold is None:
            return cls(changed, None, BOX_THRESHOLD in changed)
        if isinstance(threshold, bool) or not isinstance(threshold, int | float) or not 0 <= threshold <= 1:
            raise VistryError(f"threshold = {threshold!r}: must be a number from 0 to 1")
        record, task = run.record, task_named(run.record.task)
        if task.has_boxes:
            if BOX_THRESHOLD in changed:
                raise VistryError(f"threshold and {BOX_THRESHOLD} are the same; give one of them")
            return cls({**changed, BOX_THRESHOLD: threshold}, None, has_own_threshold=True)
        if not task.is_multilabel:
            raise VistryError(
                f"{run.id} is multi-class: each image gets its likeliest class, whatever the threshold; leave it out"
                + (f" (of two classes one can have it: vistry threshold {run.id})" if len(record.classes) == 2 else "")
            )
        return cls(changed, np.full(len(record.classes), float(threshold)), has_own_threshold=True)


def _loaded(trained: Run, backend: str | None, given: Given) -> Predictor:
    weights, facts = read_checkpoint(trained.best_weights)
    changed = given.changed
    catalogue, record = Catalogue.read(), trained.record
    card = recorded_model(trained, catalogue)
    context = ModelContext.of(catalogue, card, task=record.task, backend=backend or _own_backend(card, record.backend))
    context = context.with_hyperparameters(hyperparameters_of(trained, card.hyperparameters))
    if changed:
        context = _with_changes(context, changed)
    num_classes = len(record.classes)
    engine = context.prediction_engine(context.module(num_classes), record.preprocessing, num_classes)
    engine.load_weights(weights)
    thresholds = given.thresholds
    if not given.has_own_threshold and isinstance(facts, BestFacts):
        thresholds = thresholds_of(trained, facts.epoch)
    return Predictor(
        trained,
        engine,
        eval_transform=context.input().eval_transform(),
        hyperparameters=context.hyperparameters,
        thresholds=thresholds,
    )


def _with_changes(context: ModelContext, changed: Values) -> ModelContext:
    """Return a run's model with some values changed, and with the warnings about these alone.

    Raises HyperparameterError for a hyperparameter that the weights depend on, and, from the schema, for a name that
    the model doesn't have.
    """
    schema, values = context.schema, context.hyperparameters
    may_change = [name for name, field in schema.fields.items() if field.spec.at_prediction]
    problems = [
        Problem(name, "can't be changed for a trained model", suggestion(name, may_change))
        for name in changed
        if name in schema.fields and name not in may_change
    ]
    if problems:
        raise HyperparameterError(problems)
    # The run may have fields that this version of the plugin no longer has; unset ones keep their defaults. The plugin
    # of an optimiser or a schedule, which only training needs, may be gone.
    of_training = {name: values.settings[name] for name in choosing_fields().values()}
    recorded = {
        name: value
        for name, value in values.items()
        if value is not None and name in schema.fields and name not in of_training
    }
    context = context.resolved([Source.of(recorded, "the run"), Source.of(changed, "the call")])
    resolved = context.hyperparameters
    warnings = [problem for problem in resolved.warnings if problem.field in changed]
    return context.with_hyperparameters(Hyperparameters([*resolved.settings.values(), *of_training.values()], warnings))


def _own_backend(card: ModelCard, backend: str) -> str:
    """Return the backend that trained a run. Raises VistryError, naming another one, where it isn't installed."""
    # Both backends name and shape tensors alike, so another one can take over; it isn't chosen silently, because
    # its predictions differ in the last digits.
    others = [other for other in card.backends if other != backend and is_installed(other)]
    if others and not is_installed(backend):
        raise VistryError(
            f"the run was trained with {backend}, which is not installed; its weights are the same for {others[0]}: "
            f"add --backend {others[0]} (in Python backend='{others[0]}'), or type: pip install 'vistry[{backend}]'"
        )
    return backend
