"""Checks of a model's hyperparameters and arguments: sensible when nobody sets them, and none of them idle."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from vistry.errors import HyperparameterError, RegistryError
from vistry.hyperparameter.values import Hyperparameters
from vistry.testing.check import CheckFailed, listed, require
from vistry.testing.meta_device import on_meta_device
from vistry.testing.model_subject import ModelSubject, eight_inputs, errors_in, resize_infos
from vistry.testing.samples import CLASSES, black_images, eight_rows
from vistry.training.model_context import ModelContext

_NO_SUCH = "no_such_name"


class Reads(Hyperparameters):
    """Hyperparameters that remember, in `names`, which of them were read."""

    def __init__(self, values: Hyperparameters):
        super().__init__(values.settings.values(), values.warnings)
        self.names: set[str] = set()

    def __getitem__(self, name: str) -> Any:
        self.names.add(name)
        return super().__getitem__(name)

    def given(self, name: str) -> bool:
        """Whether the user set this value."""
        self.names.add(name)
        return super().given(name)


class Arguments(Mapping[str, Any]):
    """A model's `args` that remember what was read, and whether they were passed on as a whole."""

    def __init__(self, values: Mapping[str, Any]):
        self.values_by_name = values
        self.names: set[str] = set()
        self.passed_on = False

    def __getitem__(self, name: str) -> Any:
        self.names.add(name)
        return self.values_by_name[name]

    def __iter__(self) -> Iterator[str]:
        self.passed_on = True
        return iter(self.values_by_name)

    def __len__(self) -> int:
        return len(self.values_by_name)


def defaults_are_in_range(subject: ModelSubject) -> None:
    """Every default obeys its own range, the rules between fields, and the plugin's own rules."""
    try:
        context = ModelContext.of(subject.catalogue, subject.card, subject.task, subject.backend)
        context = context.with_hyperparameters(context.schema.resolve())
    except (RegistryError, HyperparameterError) as error:
        raise CheckFailed(f"its defaults can't be used: {error}") from error
    problems = errors_in(context)
    require(not problems, f"vistry_check_hyperparameters refuses the defaults: {'; '.join(problems)}")


def no_hyperparameters(subject: ModelSubject) -> str:
    """Why there is no hyperparameter of the plugin to read, if so."""
    return "" if _own_hyperparameters(subject) else "the plugin adds no hyperparameter"


def _own_hyperparameters(subject: ModelSubject) -> set[str]:
    return {name for name, spec in subject.card.hyperparameters.items() if subject.task in spec.tasks}


def declared_hyperparameters_are_read(subject: ModelSubject) -> None:
    """Each hyperparameter that the plugin adds is read by a hook, or by what a hook made."""
    own = _own_hyperparameters(subject)
    unread = set(own)
    for wanted in [{}, *_alternatives(subject, own)]:
        if unread:
            unread -= _read_in_a_step(subject, wanted)
    require(
        not unread,
        f"plugin.toml declares {listed(sorted(unread))}, and no hook reads it; "
        f'use hyperparameters["{min(unread, default="")}"] in one, or take it out',
    )


def _alternatives(subject: ModelSubject, own: set[str]) -> Iterator[dict[str, Any]]:
    """Each value of the plugin's own flags and choices: a field may matter with one of them only."""
    for name in sorted(own):
        spec = subject.card.hyperparameters[name]
        for value in (0, 1) if spec.type == "flag" else spec.choices or ():
            yield {name: value}


def _read_in_a_step(subject: ModelSubject, wanted: Mapping[str, Any]) -> set[str]:
    """The names that are read when a model is checked, given images, built, trained for a step, asked to predict."""
    context = subject.context(**wanted)
    values = Reads(context.hyperparameters)
    context = context.with_hyperparameters(values)
    context.problems(values)
    images = context.input()
    images.dataset(eight_rows(subject.task, images.input_size(training=True)))
    engine = subject.engine(context)
    engine.accumulate(eight_inputs(context), 1.0, 0)
    pixels = black_images(images.input_size(training=False))
    engine.predict(pixels, resize_infos(context, pixels))
    return values.names


def unknown_arguments_are_refused(subject: ModelSubject) -> None:
    """An entry of `args` that the builder doesn't know is an error, and none is ignored."""
    arguments = Arguments(subject.card.args)
    _build_with(subject, arguments)
    if not arguments.passed_on:
        unread = sorted(set(subject.card.args) - arguments.names)
        require(
            not unread,
            f"plugin.toml has args {listed(unread)}, which vistry_build_model never reads; correct the name, "
            "or take it out",
        )
        return
    try:
        _build_with(subject, Arguments({**subject.card.args, _NO_SUCH: 1}))
    except Exception:
        return
    raise CheckFailed(
        f"args = {{ {_NO_SUCH} = 1 }} in plugin.toml would build a model all the same, and so would any misspelt name; "
        "name the builder's arguments in place of **kwargs"
    )


def _build_with(subject: ModelSubject, arguments: Arguments) -> None:
    """Build the model with other `args`, without numbers if the builder can."""
    context = subject.context()
    context = replace(context, card=replace(context.card, args=arguments))
    try:
        on_meta_device(subject.backend, lambda: context.module(len(CLASSES)))
    except Exception:
        context.module(len(CLASSES))
