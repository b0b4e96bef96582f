"""A trained run, loaded to predict; it needs nothing but the run folder and the model's plugin."""

from __future__ import annotations

from dataclasses import dataclass

from vistry.errors import HyperparameterError, Problem, VistryError, suggestion
from vistry.evaluation.operating_point import Thresholds
from vistry.hyperparameter.offer import choosing_fields
from vistry.hyperparameter.recorded import hyperparameters_of
from vistry.hyperparameter.schema import Source
from vistry.hyperparameter.values import Hyperparameters
from vistry.inference.given import Given
from vistry.inference.predictor import Predictor
from vistry.plugin.faults import traceback_kept_in
from vistry.plugin.types import Values
from vistry.registry.cards import ModelCard
from vistry.registry.catalogue import Catalogue
from vistry.runs.checkpoint import read_checkpoint
from vistry.runs.folder import Run
from vistry.runs.records import BestFacts
from vistry.runs.thresholds import thresholds_of
from vistry.training.engines import Engine, is_installed
from vistry.training.model_context import ModelContext
from vistry.training.recorded_model import recorded_model


def load_run(
    run: Run, *, backend: str | None = None, threshold: float | None = None, changed: Values | None = None
) -> Predictor:
    """Load the best weights of a run; arguments and errors are those of `load`."""
    return loaded_run(run, backend=backend, threshold=threshold, changed=changed).predictor()


@dataclass(frozen=True)
class LoadedRun:
    """The best weights of a run in an engine, with the questions to the model's plugin.

    `best` has the epoch and its metrics, as far as the checkpoint says. `thresholds` [C] are those of the classes, None
    where nobody chose any.
    """

    run: Run
    context: ModelContext
    engine: Engine
    best: BestFacts | None
    thresholds: Thresholds | None

    def predictor(self) -> Predictor:
        """What predicts with them."""
        return Predictor(
            name=self.run.id,
            task=self.context.task,
            classes=self.run.record.classes,
            engine=self.engine,
            folder=self.run.folder,
            eval_transform=self.context.input().eval_transform(),
            hyperparameters=self.context.hyperparameters,
            thresholds=self.thresholds,
        )


def loaded_run(
    run: Run, *, backend: str | None = None, threshold: float | None = None, changed: Values | None = None
) -> LoadedRun:
    """Load the best weights of a run into an engine; arguments and errors are those of `load`."""
    record = run.record
    given = Given.of(run.id, record.task, record.classes, threshold=threshold, changed=changed or {})
    with traceback_kept_in(run.folder):
        return _loaded(run, backend, given)


def _loaded(trained: Run, backend: str | None, given: Given) -> LoadedRun:
    weights, facts = read_checkpoint(trained.best_weights)
    context, record = _recorded_context(trained, backend), trained.record
    if given.changed:
        context = _with_changes(context, given.changed)
    num_classes = len(record.classes)
    engine = context.prediction_engine(context.module(num_classes), record.preprocessing, num_classes)
    engine.load_weights(weights)
    best, thresholds = facts if isinstance(facts, BestFacts) else None, given.thresholds
    if not given.has_own_threshold and best is not None:
        thresholds = thresholds_of(trained, best.epoch)
    return LoadedRun(trained, context, engine, best=best, thresholds=thresholds)


def _recorded_context(run: Run, backend: str | None = None) -> ModelContext:
    """The model of a run with the values that it was trained with; `backend` is by default the run's own."""
    catalogue, record = Catalogue.read(), run.record
    card = recorded_model(run, catalogue)
    context = ModelContext.of(catalogue, card, task=record.task, backend=backend or _own_backend(card, record.backend))
    return context.with_hyperparameters(hyperparameters_of(run, card.hyperparameters))


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
