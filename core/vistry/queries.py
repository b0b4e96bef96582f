"""The functions of `vistry` that list, find and show. None of them imports a tensor library, except `create`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

from vistry.errors import RegistryError, WeightsError, suggestion
from vistry.registry.cards import ModelCard
from vistry.registry.catalogue import Catalogue
from vistry.registry.discovery import Plugin
from vistry.registry.model_filters import ModelFilters
from vistry.registry.tasks import TASKS, TaskInfo, task_named

if TYPE_CHECKING:
    from vistry.hyperparameter.schema import Schema
    from vistry.kernels.listing import ListedKernel
    from vistry.runs.folder import Run
    from vistry.weights.published import PublishedWeights


def models(**filters: Unpack[ModelFilters]) -> list[ModelCard]:
    """List the models that pass every filter, such as `task="detection"` or `exclude_license="GPL*"`.

    A list means any of its values, and `sort="-parameters"` puts the largest first. `ModelFilters` has every filter.
    Raises RegistryError for a filter, a value or a name that doesn't exist.
    """
    return Catalogue.read().models(**filters)


def model(name: str) -> ModelCard:
    """Return the model with this short name, full name (`family/model`) or alias. Raises RegistryError."""
    return Catalogue.read().model(name)


def tasks() -> list[TaskInfo]:
    """List the tasks that models can be trained for, with the primary metrics of plugins."""
    catalogue = Catalogue.read()
    return [_with_metrics(task, catalogue) for task in TASKS]


def find_task(name: str) -> TaskInfo:
    """Return the task with this name or alias. Raises RegistryError."""
    return _with_metrics(task_named(name), Catalogue.read())


def _with_metrics(task: TaskInfo, catalogue: Catalogue) -> TaskInfo:
    from vistry.evaluation.metric_table import primary_metrics

    return replace(task, primary_metrics=primary_metrics(catalogue, task))


def plugins() -> list[Plugin]:
    """List every installed plugin with its state, the reason for it, and what to type."""
    return list(Catalogue.read().plugins)


def find_plugin(name: str) -> Plugin:
    """Return the plugin with this name or distribution name. Raises RegistryError."""
    return Catalogue.read().plugin(name)


def runs(folder: str | Path | None = None) -> list[Run]:
    """List the runs in a folder, oldest first; by default in VISTRY_RUNS, or in `runs` of the working folder."""
    from vistry.runs.folder import runs_in

    return list(runs_in(None if folder is None else Path(folder)))


def find_run(name: str | Path, folder: str | Path | None = None) -> Run:
    """Return the run with this folder or identifier, or for "last" the newest one; of a sweep or folds the best run.

    Identifiers are looked up in `folder`, by default where `runs` looks. Raises RunError.
    """
    from vistry.runs.many import find_run_or_best

    return find_run_or_best(name, None if folder is None else Path(folder))


def report(run: str | Path) -> Path:
    """Write the report of a run, or of a sweep, again, from what its folder holds; return the page's file.

    Raises RunError.
    """
    from vistry.errors import RunError
    from vistry.report import write_report
    from vistry.runs.many import find_many_runs
    from vistry.sweep.folder import SweepFolder
    from vistry.sweep.report import write_sweep_report

    many = find_many_runs(run)
    if many is not None and many.kind == "sweep":
        return write_sweep_report(SweepFolder(many.folder))
    if many is not None:
        raise RunError(
            f"{many.folder} is a cross-validation, whose report is written at its end; to finish it, type: "
            f"vistry resume {many.folder}; for the report of one fold: vistry report {many.folder}/folds/fold-1"
        )
    return write_report(find_run(run))


def kernels() -> list[ListedKernel]:
    """List the kernels of core and of the plugins in use, and whether policy lets them be used."""
    from vistry.kernels.listing import list_kernels

    return list_kernels(Catalogue.read())


def find_kernels(operation: str) -> list[ListedKernel]:
    """Return the kernels that compute an operation. Raises RegistryError where there are none."""
    listed = kernels()
    matching = [entry for entry in listed if entry.kernel.spec.operation == operation]
    if not matching:
        operations = sorted({entry.kernel.spec.operation for entry in listed})
        raise RegistryError(f"there is no kernel for '{operation}'; {suggestion(operation, operations)}".rstrip("; "))
    return matching


def weights(model: str | None = None) -> list[PublishedWeights]:
    """List the weights that plugins publish, of all models or of one, and where they are on this machine."""
    from vistry.weights.published import published_weights

    catalogue = Catalogue.read()
    return list(published_weights([catalogue.model(model)] if model else catalogue.cards))


def find_weights(name: str, model: str | None = None) -> PublishedWeights:
    """Return the weights that a model's plugin publishes under this name.

    Without a model, the only weights of that name. Raises RegistryError or WeightsError.
    """
    listed = weights(model)
    matching = [entry for entry in listed if entry.name == name]
    if not matching:
        owner = f"of {model}" if model else "of any model"
        hint = suggestion(name, sorted({entry.name for entry in listed}))
        raise WeightsError(f"there are no weights '{name}' {owner}; {hint}".rstrip("; "))
    if len(matching) > 1:
        raise WeightsError(
            f"{len(matching)} models have weights '{name}'; name the model, such as --model {matching[0].model}"
        )
    return matching[0]


def hyperparameters(model: str | None, task: str) -> Schema:
    """Return the schema of a model for a task: `defaults()`, `json_schema()`, `explain()`, `resolve()`.

    With None for the model, the task's shared table. Raises RegistryError.
    """
    from vistry.hyperparameter.schema import schema_of

    catalogue = Catalogue.read()
    return schema_of(catalogue, catalogue.model(model) if model else None, task)


def layers_to_freeze(model: str, task: str | None = None) -> tuple[tuple[str, ...], ...]:
    """Return the groups of parameter-name prefixes that the hyperparameter `layers_to_freeze` counts, in order.

    Without a task it is the manifest's list, with one what the plugin's freezing hook returns for it.
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
    """Build a model as its backend's module, such as a `torch.nn.Module`.

    Args:
        model: the model's name.
        task: a task's name or alias.
        num_classes: how many classes the head tells apart.
        weights: "none" (the default), "auto", a name that the plugin publishes, or a file; it may be among
            `hyperparameters` instead.
        backend: "torch" or "jax", of those that the model has.
        hyperparameters: values by their own names, for those that change the module.

    Raises RegistryError, HyperparameterError or WeightsError.
    """
    from vistry.hyperparameter.schema import Source
    from vistry.training.auto_values import with_auto_resolved, with_weights_named
    from vistry.training.initial_weights import InitialWeights, load_initial_weights
    from vistry.training.model_context import ModelContext

    if isinstance(num_classes, bool) or not isinstance(num_classes, int) or num_classes < 1:
        raise RegistryError(f"num_classes = {num_classes!r}: must be an integer of at least 1")
    catalogue = Catalogue.read()
    card = catalogue.model(model)
    named = {} if weights is None else {"weights": weights}
    values = {"weights": "none", **(hyperparameters or {}), **named}
    context = ModelContext.of(catalogue, card, task=task_named(task).name, backend=backend)
    context = with_weights_named(context.resolved([Source.of(values, "the call")]))
    source = InitialWeights.named_in(context.hyperparameters, card)
    context = with_auto_resolved(context, source.read(card, catalogue.policy).keys())
    module = context.module(num_classes)
    load_initial_weights(context, module, source, num_classes=num_classes)
    return module
