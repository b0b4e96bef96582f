"""Checks of a model's hyperparameters and arguments: the defaults are valid, and each one is read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from vistry.errors import HyperparameterError, RegistryError
from vistry.hyperparameter.values import Hyperparameters
from vistry.plugin.types import Values
from vistry.registry.field_spec import Scalar, search_problem
from vistry.testing.check import CheckFailed, NothingToCheck, listed, require
from vistry.testing.meta_device import on_meta_device
from vistry.testing.model_subject import ModelSubject, eight_inputs, errors_in, resize_infos
from vistry.testing.samples import CLASSES, black_images, eight_rows
from vistry.training.model_context import ModelContext

_UNKNOWN = "no_such_name"


class RecordingHyperparameters(Hyperparameters):
    """Hyperparameters that record in `names` which of them are read."""

    def __init__(self, hyperparameters: Hyperparameters):
        super().__init__(hyperparameters.settings.values(), hyperparameters.warnings)
        self.names: set[str] = set()

    def __getitem__(self, name: str) -> Any:
        self.names.add(name)
        return super().__getitem__(name)

    def given(self, name: str) -> bool:
        """Whether the user set this value."""
        self.names.add(name)
        return super().given(name)


class RecordingArguments(Values):
    """A model's `args` that record which of them are read, and whether they are passed on as a whole."""

    def __init__(self, arguments: Values):
        self.arguments = arguments
        self.names: set[str] = set()
        self.unpacked = False

    def __getitem__(self, name: str) -> Any:
        self.names.add(name)
        return self.arguments[name]

    def __iter__(self) -> Iterator[str]:
        self.unpacked = True
        return iter(self.arguments)

    def __len__(self) -> int:
        return len(self.arguments)


def defaults_are_in_range(subject: ModelSubject) -> None:
    """Every default is in its range and obeys the rules between fields and the plugin's own rules.

    So is what the plugin says a sweep should try.
    """
    context = defaults_can_be_used(subject)
    problems = errors_in(context)
    require(not problems, f"vistry_check_hyperparameters returns errors for the defaults: {'; '.join(problems)}")
    fields, card = context.schema.fields, subject.card
    own = [name for name in fields if name in card.hyperparameters or name in card.restrict]
    outside = [f"{name}: {problem}" for name in own if (problem := search_problem(fields[name].spec))]
    require(not outside, "; ".join(outside))
    try:
        subject.context()
    except NothingToCheck as error:
        raise CheckFailed(f"{error}; allow a smaller one") from error


def defaults_can_be_used(subject: ModelSubject) -> ModelContext:
    """Return the model with its default hyperparameters. Raises CheckFailed where one breaks a range or a rule."""
    try:
        context = ModelContext.of(subject.catalogue, subject.card, task=subject.task, backend=subject.backend)
        return context.with_hyperparameters(context.schema.resolve())
    except (RegistryError, HyperparameterError) as error:
        raise CheckFailed(f"invalid defaults: {error}") from error


def absent_hyperparameters(subject: ModelSubject) -> str:
    """Return why no hyperparameter of the plugin is checked, "" if some are."""
    return "" if _own_hyperparameters(subject) else "the plugin adds no hyperparameter"


def _own_hyperparameters(subject: ModelSubject) -> set[str]:
    return {name for name, spec in subject.card.hyperparameters.items() if subject.task in spec.tasks}


def declared_hyperparameters_are_read(subject: ModelSubject) -> None:
    """Each hyperparameter that the plugin adds is read by a hook, or by an object that a hook returns."""
    own = _own_hyperparameters(subject)
    unread = set(own)
    for values in [{}, *_alternatives(subject, own)]:
        if unread:
            unread -= _read_in_a_step(subject, values)
    require(
        not unread,
        f"plugin.toml declares {listed(sorted(unread))}, but no hook reads it; "
        f'use hyperparameters["{min(unread, default="")}"] in a hook, or remove it from plugin.toml',
    )


def _alternatives(subject: ModelSubject, own: set[str]) -> Iterator[dict[str, Scalar]]:
    """Yield each value of the plugin's own flags and choices: a field may only be read with one of them."""
    for name in sorted(own):
        spec = subject.card.hyperparameters[name]
        for value in (0, 1) if spec.type == "flag" else spec.choices or ():
            yield {name: value}


def _read_in_a_step(subject: ModelSubject, values: Mapping[str, Scalar]) -> set[str]:
    """Return the names that are read when a model is checked, built, trained for a step and predicts."""
    context = subject.context(**values)
    recording = RecordingHyperparameters(context.hyperparameters)
    context = context.with_hyperparameters(recording)
    context.problems(recording)
    images = context.input()
    images.dataset(eight_rows(subject.task, images.input_size(training=True)))
    engine = subject.engine(context)
    engine.accumulate(eight_inputs(context), 1.0, 0)
    pixels = black_images(images.input_size(training=False))
    engine.predict(pixels, resize_infos(context, pixels))
    return recording.names


def unknown_arguments_are_refused(subject: ModelSubject) -> None:
    """The builder refuses an unknown entry of `args`, and reads every known one."""
    arguments = RecordingArguments(subject.card.args)
    _build_with(subject, arguments)
    # Passed on with **args every name counts as read, so an unknown one has to raise.
    if not arguments.unpacked:
        unread = sorted(set(subject.card.args) - arguments.names)
        require(
            not unread,
            f"plugin.toml has args {listed(unread)}, which vistry_build_model never reads; "
            "correct the name or remove it",
        )
        return
    try:
        _build_with(subject, RecordingArguments({**subject.card.args, _UNKNOWN: 1}))
    except Exception:
        return
    raise CheckFailed(
        f"vistry_build_model accepts args = {{ {_UNKNOWN} = 1 }}, so a misspelt name in plugin.toml is ignored; "
        "name the builder's arguments in place of **kwargs"
    )


def _build_with(subject: ModelSubject, arguments: RecordingArguments) -> None:
    """Build the model with other `args`, on the meta device if the builder can."""
    context = subject.context()
    context = replace(context, card=replace(context.card, args=arguments))
    try:
        on_meta_device(subject.backend, lambda: context.module(len(CLASSES)))
    except Exception:
        context.module(len(CLASSES))
