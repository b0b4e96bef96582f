"""A run as something that predicts: it needs nothing beside the run folder and the model's plugin."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vistry.errors import DataError, HyperparameterError, Problem, RegistryError, VistryError, suggestion
from vistry.hyperparameter.recorded import hyperparameters_of
from vistry.hyperparameter.schema import Source
from vistry.hyperparameter.values import Hyperparameters
from vistry.loading.views import EvalTransform
from vistry.registry.cards import ModelCard
from vistry.registry.catalogue import Catalogue
from vistry.runs.checkpoint import read_checkpoint
from vistry.runs.folder import Run, find_run
from vistry.task import behaviour_of
from vistry.training.engines import Engine, is_installed
from vistry.training.model_context import ModelContext
from vistry.training.prediction import predictions_of


@dataclass(frozen=True)
class Prediction:
    """One image's prediction, which is what its task says it is, or the reason there is none."""

    image: str
    values: Any | None
    error: str | None = None


class Predictor:
    """The best weights of a run, ready to predict."""

    def __init__(self, run: Run, engine: Engine, eval_transform: EvalTransform, values: Hyperparameters):
        self.run = run
        self.engine = engine
        self.hyperparameters = values
        self.task = behaviour_of(run.record.task)
        self.classes: tuple[str, ...] = run.record.classes
        self.batch_size: int = values.validation_batch_size
        self._viewer = eval_transform

    def predict(self, images: Iterable[str | Path], batch_size: int | None = None) -> Iterator[Prediction]:
        """A prediction for each image, in order; an image that can't be read costs only itself."""
        named = [str(image) for image in images]
        workers = self.hyperparameters.number_of_workers
        size = batch_size or self.batch_size
        stream = predictions_of(self.engine, self._viewer, named, batch_size=size, workers=workers)
        for image, found in zip(named, stream, strict=True):
            if isinstance(found, DataError):
                yield Prediction(image, None, str(found))
            else:
                yield Prediction(image, found)

    def respond(self, prediction: Prediction) -> dict[str, Any]:
        """The hosted product's response for one image, or `{"error": ...}`."""
        if prediction.values is None:
            return {"error": prediction.error}
        return self.task.response(prediction.values, self.classes, self.hyperparameters)

    def summary_line(self, prediction: Prediction) -> str:
        """What is said of one image in a line."""
        if prediction.values is None:
            return f"error: {prediction.error}"
        return self.task.summary_line(prediction.values, self.classes, self.hyperparameters)


def load(run: str | Path, *, backend: str | None = None, **changed: Any) -> Predictor:
    """The best model of a run, by folder, identifier or "last", in the engine that trained it or in `backend`.

    `changed` are hyperparameters with other values than in training, of those that may change. Raises RunError,
    RegistryError or HyperparameterError.
    """
    found = find_run(run)
    weights, _ = read_checkpoint(found.best_weights)
    catalogue, record = Catalogue.read(), found.record
    card = _model_of(found, catalogue)
    context = ModelContext.of(catalogue, card, record.task, backend or _own_backend(card, record.backend))
    context = context.with_hyperparameters(hyperparameters_of(found, card.hyperparameters))
    if changed:
        context = _changed(context, changed)
    engine = context.prediction_engine(context.module(len(record.classes)), record.preprocessing)
    engine.load_weights(weights)
    return Predictor(found, engine, context.input().eval_transform(), context.hyperparameters)


def _model_of(run: Run, catalogue: Catalogue) -> ModelCard:
    """The run's model. Raises RegistryError that names the distribution where it came from."""
    model = run.record.model
    try:
        return catalogue.model(model.full_name)
    except RegistryError as error:
        source = f"the run {run.id} had it from {model.distribution} {model.version}"
        raise RegistryError(f"{error}; {source}, see: vistry plugins") from error


def _changed(context: ModelContext, changed: Mapping[str, Any]) -> ModelContext:
    """The run's values with some changed, and warnings about these. Raises HyperparameterError for one that decides
    the weights.

    What the model doesn't take at all is refused by the schema, which says whose it is.
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
    recorded = {name: value for name, value in values.items() if value is not None and name in schema.fields}
    context = context.resolved([Source.of(recorded, "the run"), Source.of(changed, "the call")])
    resolved = context.hyperparameters
    warnings = [problem for problem in resolved.warnings if problem.field in changed]
    return context.with_hyperparameters(Hyperparameters(resolved.settings.values(), warnings))


def _own_backend(card: ModelCard, backend: str) -> str:
    """The backend that trained a run. Raises VistryError where it isn't installed, naming one that is."""
    others = [other for other in card.backends if other != backend and is_installed(other)]
    if others and not is_installed(backend):
        raise VistryError(
            f"the run was trained with {backend}, which is not installed; its weights are the same for {others[0]}: "
            f"add --backend {others[0]} (in Python backend='{others[0]}'), or type: pip install 'vistry[{backend}]'"
        )
    return backend
