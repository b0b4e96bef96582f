"""A model with the weights that its plugin publishes, ready to predict without any training."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from vistry.errors import RegistryError, WeightsError
from vistry.hyperparameter.schema import Source
from vistry.inference.given import Given
from vistry.inference.predictor import Predictor
from vistry.plugin.types import Values
from vistry.registry.cards import ModelCard
from vistry.registry.catalogue import Catalogue
from vistry.training.auto_values import with_auto_resolved, with_weights_named
from vistry.training.initial_weights import InitialWeights, load_initial_weights
from vistry.training.model_context import ModelContext


def model_called(name: str | Path) -> ModelCard | None:
    """The installed model of this name; None where there is none. Raises RegistryError where several have it."""
    catalogue = Catalogue.read()
    if str(name) in catalogue.contested:
        return catalogue.model(str(name))  # whose error names the rivals
    try:
        return catalogue.model(str(name))
    except RegistryError:
        return None


def published_predictor(
    card: ModelCard, *, backend: str | None = None, threshold: float | None = None, changed: Values
) -> Predictor:
    """Load published weights of a whole model; arguments and errors are those of `load`."""
    catalogue, task = Catalogue.read(), card.tasks[0]
    context = ModelContext.of(catalogue, card, task=task, backend=backend or card.backends[0])
    context = with_weights_named(context.resolved([Source.of(changed, "the call")]))
    _check_published(context)
    source = InitialWeights.named_in(context.hyperparameters, card)
    classes = _class_names(source, card)
    given = Given.of(card.full_name, task, classes, threshold=threshold, changed=changed)
    context = replace(context, normalisation=source.preprocessing)
    context = with_auto_resolved(context, source.read(card, catalogue.policy).keys())
    module = context.module(len(classes))
    loaded = load_initial_weights(context, module, source, num_classes=len(classes))
    if loaded.fresh:
        raise WeightsError(f"{source.label} has no {loaded.fresh[0]} for {len(classes)} classes")
    return Predictor(
        name=card.full_name,
        task=context.task,
        classes=classes,
        engine=context.prediction_engine(module, context.preprocessing(), len(classes)),
        eval_transform=context.input().eval_transform(),
        hyperparameters=context.hyperparameters,
        thresholds=given.thresholds,
    )


def _check_published(context: ModelContext) -> None:
    """Raise WeightsError unless the weights that are named are published, and are the whole model's."""
    card, name = context.card, context.hyperparameters.weights
    if name in card.own_weights:
        return
    train = f"train it first: vistry train --model {card.name} --data DATA"
    if not card.own_weights:
        raise WeightsError(f"{card.full_name} has no published weights for the whole model; {train}")
    names = ", ".join(card.own_weights)
    raise WeightsError(f"weights = '{name}' is no published set of {card.full_name} as a whole: {names}; or {train}")


def _class_names(source: InitialWeights, card: ModelCard) -> tuple[str, ...]:
    """The names of the outputs; their numbers where the plugin doesn't name them."""
    published = source.published
    count = (published.classes if published else None) or card.classes or len(source.classes)
    if source.classes and len(source.classes) != count:
        raise WeightsError(f"{source.label} has {count} classes, and its list {len(source.classes)} names")
    return source.classes or tuple(map(str, range(count)))
