"""A model from its card: built by its plugin, seeded, and filled with the weights it starts from."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Any

from vistry.data.table import Table
from vistry.errors import HyperparameterError, RegistryError, WeightsError
from vistry.hyperparameter.schema import Hyperparameters, Setting, Source, schema_of
from vistry.plugin.calls import hooks_of
from vistry.plugin.hooks import Backbone
from vistry.registry.cards import BACKBONE_PREFIX, ModelCard
from vistry.registry.catalogue import Catalogue
from vistry.registry.manifest import PreprocessingSpec
from vistry.registry.policy import Policy
from vistry.registry.tasks import task_named
from vistry.runs.checkpoint import read_checkpoint
from vistry.runs.folder import Run, find_run
from vistry.task.behaviour import Input, TrainingData
from vistry.training.engines import Engine, EngineSettings, engine_module
from vistry.weights.locate import fitted, fitted_backbone, locate, read_weights


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


def settled(
    catalogue: Catalogue, card: ModelCard, task: str, values: Hyperparameters, first_weights: Collection[str]
) -> Hyperparameters:
    """The values, where the owner has settled what is "auto" or unset for the tensors of these names, if any.

    Raises HyperparameterError for an answer out of range, RegistryError where there was a value already.
    """
    answers: dict[str, Any] = hooks_of(catalogue, card).vistry_resolve_auto(
        card=card, task=task, hyperparameters=values, first_weights=first_weights
    )
    for name in answers:
        if values.get(name) not in (None, "auto"):
            raise RegistryError(f"{card.distribution} settles {name}, which is set: {values[name]}")
    origin = f"auto, settled by {card.family}"
    valid = schema_of(catalogue, card, task).checked(Source.of(answers, origin))
    settings = [Setting(name, value, origin, values.given(name)) for name, value in valid.items()]
    return Hyperparameters([*values.settings.values(), *settings], values.warnings)


def first_weights(start: Start, card: ModelCard, policy: Policy) -> list[str]:
    """The names of the tensors that a training starts from. Raises WeightsError or RunError."""
    if start.run is not None:
        return list(read_checkpoint(start.run.best_weights)[0])
    return [] if start.file is None else list(read_weights(start.file, card, policy))


def find_start(card: ModelCard, values: Mapping[str, Any]) -> Start:
    """What `weights` or `checkpoint_run_id` name, found before any work. Raises WeightsError or RunError."""
    if values["checkpoint_run_id"] is None:
        return Start(file=locate(values["weights"], card))
    run = find_run(values["checkpoint_run_id"])
    if run.record.model.full_name != card.full_name:
        raise WeightsError(
            f"checkpoint_run_id = {run.id} is a run of {run.record.model.full_name}, not of {card.full_name}; "
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
        card=card,
        task=task,
        num_classes=num_classes,
        hyperparameters=values,
        backend=backend,
        backbone=build_backbone(catalogue, card.backbone, values, backend),
    )
    if module is None:
        raise RegistryError(f"{card.distribution} implements no vistry_build_model for {card.full_name}")
    return module


def build_backbone(
    catalogue: Catalogue, card: ModelCard | None, values: Mapping[str, Any], backend: str
) -> Backbone | None:
    """The network a composed model is built on. Raises RegistryError."""
    if card is None or card.feature_maps is None:
        return None
    check_backend(card, backend)
    module = hooks_of(catalogue, card).vistry_build_feature_maps(card=card, hyperparameters=values, backend=backend)
    if module is None:
        raise RegistryError(f"{card.distribution} implements no vistry_build_feature_maps for {card.full_name}")
    return Backbone(module, card.feature_maps.channels, card.feature_maps.strides)


def preprocessing_of(catalogue: Catalogue, card: ModelCard, task: str, values: Mapping[str, Any]) -> PreprocessingSpec:
    """How pixels are normalised; of a composed model, as its backbone's owner says."""
    owner = card.backbone or card
    found: PreprocessingSpec = hooks_of(catalogue, owner).vistry_preprocessing(
        card=owner, task=task, hyperparameters=values
    )
    return found


def input_of(catalogue: Catalogue, card: ModelCard, task: str, values: Mapping[str, Any]) -> Input:
    """How images reach a model: as its plugin says, else as its task does."""
    found: Input = hooks_of(catalogue, card).vistry_build_input(card=card, task=task, hyperparameters=values)
    return found


def fit_to_data(
    catalogue: Catalogue, card: ModelCard, task: str, values: Mapping[str, Any], backend: str, module: Any, table: Table
) -> Sequence[str]:
    """Let a model's plugin fit to the training split what isn't learned by gradients; what to tell the user of it."""
    said: Sequence[str] = hooks_of(catalogue, card).vistry_fit_to_data(
        card=card, task=task, hyperparameters=values, backend=backend, module=module, table=table
    )
    return said


def frozen_layers(card: ModelCard, values: Mapping[str, Any]) -> int:
    """How many layers stay still: as many as asked, else what a pretrained model of this kind keeps."""
    asked: int | None = values["layers_to_freeze"]
    if asked is not None:
        return asked
    return 0 if (values["weights"], values["checkpoint_run_id"]) == ("none", None) else card.frozen_layers


def fill(
    catalogue: Catalogue,
    card: ModelCard,
    task: str,
    module: Any,
    start: Start,
    num_classes: int,
    values: Mapping[str, Any],
    backend: str,
) -> list[str]:
    """Load the start's weights into a module; the names of what is left fresh, as a head is for other classes.

    A composed model takes its own weights, or those of a classifier with its backbone.
    """
    if start.run is not None:
        found, origin = dict(read_checkpoint(start.run.best_weights)[0]), f"run {start.run.id}"
    elif start.file is not None:
        found, origin = read_weights(start.file, card, catalogue.policy), str(start.file)
    else:
        return []
    engine = engine_module(backend)
    shapes = engine.shapes_of(module)
    taken, fresh = fit(catalogue, card, task, shapes, found, origin, num_classes, values, backend)
    if fresh:
        taken |= {name: value for name, value in engine.arrays_of(module).items() if name in fresh}
    engine.load_arrays(module, taken)
    return fresh


def fit(
    catalogue: Catalogue,
    card: ModelCard,
    task: str,
    shapes: Mapping[str, tuple[int, ...]],
    found: Mapping[str, Any],
    origin: str,
    num_classes: int,
    values: Mapping[str, Any],
    backend: str,
) -> tuple[dict[str, Any], list[str]]:
    """The tensors that a model of these shapes takes from `found`, and the names of those it keeps fresh.

    Raises WeightsError where anything but the head doesn't fit.
    """
    if card.backbone and is_of_backbone(card, found):
        mapped = mapped_weights(catalogue, card.backbone, found, num_classes, values)
        return fitted_backbone(mapped, shapes, BACKBONE_PREFIX, origin)
    mapped = mapped_weights(catalogue, card, found, num_classes, values)
    head = partial(_head, catalogue, card, task, num_classes, values, backend, shapes)
    return fitted(mapped, shapes, head, origin)


def is_of_backbone(card: ModelCard, found: Mapping[str, Any]) -> bool:
    """Whether tensors are a classifier's, of which a composed model takes the backbone."""
    return card.backbone is not None and not any(name.startswith(BACKBONE_PREFIX) for name in found)


def mapped_weights(
    catalogue: Catalogue, card: ModelCard, found: Mapping[str, Any], num_classes: int, values: Mapping[str, Any]
) -> Mapping[str, Any]:
    """Tensors as the owner of a model names them."""
    mapped: Mapping[str, Any] = hooks_of(catalogue, card).vistry_map_weights(
        card=card, state_dict=found, num_classes=num_classes, hyperparameters=values
    )
    return mapped


def _head(
    catalogue: Catalogue,
    card: ModelCard,
    task: str,
    num_classes: int,
    values: Mapping[str, Any],
    backend: str,
    shapes: Mapping[str, tuple[int, ...]],
) -> set[str]:
    """The tensors whose shape follows from the number of classes: those that one class more would change."""
    other = engine_module(backend).shapes_of(build(catalogue, card, task, num_classes + 1, values, backend))
    return {name for name, shape in shapes.items() if other.get(name) != shape}


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
        preprocessing_of(catalogue, card, task, values),
        card.gradient_clipping,
        hooks.vistry_freezing_map(card=card, task=task),
        frozen_layers(card, values),
        say,
        card.moving_average,
    )
    loss = hooks.vistry_build_loss(**asked, backend=backend, data=data)
    engine: Engine = engine_module(backend).make(module, settings, loss, hooks.vistry_build_postprocess(**asked))
    return engine


def create_model(model: str, task: str, num_classes: int, backend: str, given: Mapping[str, Any]) -> Any:
    """`vistry.create`."""
    catalogue = Catalogue.read()
    card, task = catalogue.model(model), task_named(task).name
    if isinstance(num_classes, bool) or not isinstance(num_classes, int) or num_classes < 1:
        raise RegistryError(f"num_classes = {num_classes!r}: must be an integer of at least 1")
    check_backend(card, backend)
    sources = [Source.of(given, "the call")]
    values = checked_by_owner(catalogue, card, task, schema_of(catalogue, card, task).resolve(sources))
    start = find_start(card, values)
    values = settled(catalogue, card, task, values, first_weights(start, card, catalogue.policy))
    module = build(catalogue, card, task, num_classes, values, backend)
    fill(catalogue, card, task, module, start, num_classes, values, backend)
    return module
