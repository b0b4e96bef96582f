"""A model from its card: built by its plugin, seeded, and filled with the weights it starts from."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Any

from vistry.errors import HyperparameterError, RegistryError, WeightsError
from vistry.hook_calls import hooks_of
from vistry.hyperparameter.schema import Hyperparameters, Source, schema_of
from vistry.registry.cards import ModelCard
from vistry.registry.catalogue import Catalogue
from vistry.registry.task_names import task_named
from vistry.runs.checkpoint import read_checkpoint
from vistry.runs.folder import Run, find_run
from vistry.task.behaviour import TrainingData
from vistry.training.engines import Engine, EngineSettings, engine_module
from vistry.training.weights import fitted, locate, read_weights


@dataclass(frozen=True)
class Start:
    """Where the first weights come from: a file, another run, or neither."""

    file: Path | None = None
    run: Run | None = None


def check_backend(card: ModelCard, backend: str) -> Any:
    """The engine's module, if the model has that backend and what it needs is installed. Raises RegistryError."""
    if backend not in card.backends:
        raise RegistryError(f"{card.name} has no backend '{backend}'; it has {', '.join(card.backends)}")
    engine = engine_module(backend)
    for package in _missing_packages(card.distribution, backend):
        raise RegistryError(
            f"{card.name} needs {package} for {backend}, and it is not installed; "
            f"type: pip install '{card.distribution}[{backend}]'"
        )
    return engine


def _missing_packages(distribution: str, extra: str) -> Iterator[str]:
    """What a distribution's extra requires unconditionally and isn't there."""
    for requirement in requires(distribution) or ():
        if found := re.fullmatch(rf"([\w.-]+)[^;]*; *extra *== *['\"]{extra}['\"]", requirement):
            try:
                version(found[1])
            except PackageNotFoundError:
                yield found[1]


def checked_by_owner(catalogue: Catalogue, card: ModelCard, task: str, values: Hyperparameters) -> Hyperparameters:
    """The values with the owner's own warnings. Raises HyperparameterError for its errors."""
    problems = hooks_of(catalogue, card).vistry_check_hyperparameters(card=card, task=task, hyperparameters=values)
    errors = [problem for problem in problems if problem.severity == "error"]
    if errors:
        raise HyperparameterError(errors)
    return Hyperparameters(values.settings.values(), [*values.warnings, *problems])


def find_start(card: ModelCard, values: Mapping[str, Any]) -> Start:
    """What `weights` or `checkpoint_run_id` name, found before any work. Raises WeightsError or RunError."""
    if values["checkpoint_run_id"] is None:
        return Start(file=locate(values["weights"], card))
    run = find_run(values["checkpoint_run_id"])
    if run.record["model"]["full_name"] != card.full_name:
        raise WeightsError(
            f"checkpoint_run_id = {run.id} is a run of {run.record['model']['full_name']}, not of {card.full_name}; "
            "build upon a run of the same model"
        )
    _ = run.best_weights
    return Start(run=run)


def build(
    catalogue: Catalogue,
    card: ModelCard,
    task: str,
    num_classes: int,
    values: Mapping[str, Any],
    backend: str,
) -> Any:
    """The untrained module, its initial weights drawn from random_seed. Raises RegistryError."""
    check_backend(card, backend).seed_initialisation(values["random_seed"])
    module = hooks_of(catalogue, card).vistry_build_model(
        card=card, task=task, num_classes=num_classes, hyperparameters=values, backend=backend
    )
    if module is None:
        raise RegistryError(f"{card.distribution} implements no vistry_build_model for {card.full_name}")
    return module


def fill(
    catalogue: Catalogue,
    card: ModelCard,
    module: Any,
    start: Start,
    num_classes: int,
    values: Mapping[str, Any],
    backend: str,
) -> list[str]:
    """Load the start's weights into a module; the names of a head left fresh for other classes."""
    if start.run is not None:
        found, origin = dict(read_checkpoint(start.run.best_weights)[0]), f"run {start.run.id}"
    elif start.file is not None:
        found, origin = read_weights(start.file, card, catalogue.policy), str(start.file)
    else:
        return []
    mapped = hooks_of(catalogue, card).vistry_map_weights(
        card=card, state_dict=found, num_classes=num_classes, hyperparameters=values
    )
    engine = engine_module(backend)
    shapes = engine.shapes_of(module)
    taken, fresh = fitted(mapped, shapes, num_classes, origin)
    if fresh:
        taken |= {name: value for name, value in engine.arrays_of(module).items() if name in fresh}
    engine.load_arrays(module, taken)
    return fresh


def make_engine(
    catalogue: Catalogue,
    card: ModelCard,
    task: str,
    module: Any,
    data: TrainingData,
    values: Mapping[str, Any],
    backend: str,
    say: Callable[[str], None] = lambda sentence: None,  # noqa: ARG005
) -> Engine:
    """A module with its loss, optimiser and frozen layers, ready to train; `say` tells the user a sentence."""
    hooks = hooks_of(catalogue, card)
    asked = {"card": card, "task": task, "hyperparameters": values}
    settings = EngineSettings(
        values,
        hooks.vistry_preprocessing(**asked),
        card.gradient_clipping,
        hooks.vistry_freezing_map(card=card, task=task),
        values["layers_to_freeze"] or 0,
        say,
    )
    loss = hooks.vistry_build_loss(**asked, backend=backend, data=data)
    engine: Engine = engine_module(backend).make(module, settings, loss, hooks.vistry_build_postprocess(**asked))
    return engine


def create_model(model: str, task: str, num_classes: int, weights: str, backend: str, given: Mapping[str, Any]) -> Any:
    """`vistry.create`."""
    catalogue = Catalogue.read()
    card, task = catalogue.model(model), task_named(task).name
    if isinstance(num_classes, bool) or not isinstance(num_classes, int) or num_classes < 1:
        raise RegistryError(f"num_classes = {num_classes!r}: must be an integer of at least 1")
    check_backend(card, backend)
    sources = [Source.of({**given, "weights": weights}, "the call")]
    values = checked_by_owner(catalogue, card, task, schema_of(catalogue, card, task).resolve(sources))
    start = find_start(card, values)
    module = build(catalogue, card, task, num_classes, values, backend)
    fill(catalogue, card, module, start, num_classes, values, backend)
    return module
