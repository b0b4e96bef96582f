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
    from vistry.plugin.calls import hooks_of

    found = hooks_of(catalogue, card).vistry_freezing_map(card=card, task=task_named(task).name)
    return tuple(tuple(group) for group in found.groups)


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
    from vistry.training.model_setup import create_model

    named = {} if weights is None else {"weights": weights}
    return create_model(model, task, num_classes, backend, {"weights": "none", **(hyperparameters or {}), **named})
