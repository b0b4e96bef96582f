"""The registry's questions and answers, as functions. None of them imports a tensor library."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from vistry.errors import RegistryError, suggestion
from vistry.registry.cards import ModelCard
from vistry.registry.catalogue import FILTERS, Catalogue
from vistry.registry.discovery import Plugin
from vistry.registry.tasks import TASKS, TaskInfo, task_named

if TYPE_CHECKING:
    from vistry.hyperparameter.schema import Schema


def models(**filters: Any) -> list[ModelCard]:
    """The models that match every filter: task, family, backend, name ("*50*"), max_parameters, license.

    Raises RegistryError for an unknown filter, task, family or backend.
    """
    for name in filters:
        if name not in FILTERS:
            raise RegistryError(f"there is no filter '{name}'; {suggestion(name, FILTERS)}")
    return Catalogue.read().models(**filters)


def model(name: str) -> ModelCard:
    """The model with this short name, full name (`family/model`) or alias."""
    return Catalogue.read().model(name)


def tasks() -> list[TaskInfo]:
    """The four tasks."""
    return list(TASKS)


def plugins() -> list[Plugin]:
    """Every installed plugin with its state, its reason, and what to type."""
    return list(Catalogue.read().plugins)


def hyperparameters(model: str | None, task: str) -> Schema:
    """The schema of a model for a task: `defaults()`, `json_schema()`, `explain()`, `resolve()`.

    With None for the model, the task's shared table. Raises RegistryError.
    """
    from vistry.hyperparameter.schema import schema_of

    catalogue = Catalogue.read()
    return schema_of(catalogue, catalogue.model(model) if model else None, task)


def layers_to_freeze(model: str, task: str | None = None) -> tuple[tuple[str, ...], ...]:
    """The groups of parameter-name prefixes that `layers_to_freeze` counts, in order.

    The manifest's list; with a task, what the plugin's freezing hook says for it.
    """
    catalogue = Catalogue.read()
    card = catalogue.model(model)
    if task is None:
        return card.freeze
    from vistry.plugin import hooks
    from vistry.plugin.calls import OwnerHooks

    owner = OwnerHooks.of_model(catalogue, card)
    freezing = owner.ask(hooks.vistry_freezing_map, card=card, task=task_named(task).name)
    return tuple(tuple(group) for group in freezing.groups)


def create(
    model: str,
    *,
    task: str,
    num_classes: int,
    weights: str | None = None,
    backend: str = "torch",
    hyperparameters: Mapping[str, Any] | None = None,
) -> Any:
    """A model as its backend's module, with weights if any are named.

    `weights` is "none", a name from the model's manifest, or a path, and may be among `hyperparameters`. Raises
    RegistryError, HyperparameterError or WeightsError.
    """
    from vistry.hyperparameter.schema import Source
    from vistry.training.initial_weights import InitialWeights, load_initial_weights
    from vistry.training.model_context import ModelContext

    if isinstance(num_classes, bool) or not isinstance(num_classes, int) or num_classes < 1:
        raise RegistryError(f"num_classes = {num_classes!r}: must be an integer of at least 1")
    catalogue = Catalogue.read()
    card = catalogue.model(model)
    named = {} if weights is None else {"weights": weights}
    values = {"weights": "none", **(hyperparameters or {}), **named}
    context = ModelContext.of(catalogue, card, task=task_named(task).name, backend=backend)
    context = context.resolved([Source.of(values, "the call")])
    source = InitialWeights.named_in(context.hyperparameters, card)
    context = context.with_auto_resolved(source.read(card, catalogue.policy).keys())
    module = context.module(num_classes)
    load_initial_weights(context, module, source, num_classes=num_classes)
    return module
