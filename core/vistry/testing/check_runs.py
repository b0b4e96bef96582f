"""Trials: each check on the plugin or on a model of it, and how it ended."""

from __future__ import annotations

import traceback
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from vistry.errors import RegistryError, suggestion
from vistry.registry.cards import ModelCard
from vistry.registry.catalogue import Catalogue
from vistry.registry.discovery import Plugin
from vistry.testing.all_checks import EVERY_CHECK, OF_A_MODEL, OF_A_PLUGIN
from vistry.testing.check import Check, CheckFailed, NothingToCheck
from vistry.testing.manifest_checks import hooks_are_known
from vistry.testing.model_subject import ModelSubject, PluginSubject

Status = Literal["passed", "failed", "skipped", "expected"]
Heavy = Literal["all", "smallest"]
Expected = Mapping[tuple[str, str], str]


@dataclass(frozen=True)
class Result:
    """How a check ended on a model, or on the plugin as a whole; `error` is what was raised."""

    subject: str
    check: str
    status: Status
    reason: str = ""
    error: Exception | None = None

    def to_dict(self) -> dict[str, str]:
        """The result as plain JSON values."""
        return {"subject": self.subject, "check": self.check, "status": self.status, "reason": self.reason}


@dataclass(frozen=True)
class Trial:
    """A check and what it is made on: a model for each of its tasks, or the plugin as a whole."""

    subject: str
    check: Check
    on: tuple[PluginSubject, ...] | tuple[ModelSubject, ...]
    expected: str = ""

    def __str__(self) -> str:
        return f"{self.subject}-{self.check.name}"

    @property
    def applies(self) -> bool:
        """Whether there is something to check; where that can't be told, the check says why."""
        try:
            return not all(self.check.skip_reason(subject) for subject in self.on)
        except Exception:
            return True

    def result(self) -> Result:
        """Make the check. An expected failure is none; one that doesn't come is a failure."""
        found = self._found()
        if not self.expected or found.status == "skipped":
            return found
        if found.status == "failed":
            return Result(found.subject, found.check, "expected", self.expected, found.error)
        reason = f"it was expected to fail ({self.expected}) and passes; take it out of the expected failures"
        return Result(found.subject, found.check, "failed", reason)

    def _found(self) -> Result:
        left_out: list[str] = []
        impossible: list[NothingToCheck] = []
        for subject in self.on:
            try:
                if reason := self.check.skip_reason(subject):
                    left_out.append(reason)
                else:
                    self.check.function(subject)
            except NothingToCheck as error:
                impossible.append(error)
            except Exception as error:
                return self._ended("failed", f"{_task_of(subject, self.on)}{_sentence(error, subject)}", error)
        if len(left_out) + len(impossible) < len(self.on):
            return self._ended("passed")
        if self.check.required and impossible:
            return self._ended("failed", f"it is required and could not be made: {impossible[0]}", impossible[0])
        return self._ended("skipped", [*map(str, impossible), *left_out][0])

    def _ended(self, status: Status, reason: str = "", error: Exception | None = None) -> Result:
        return Result(self.subject, self.check.name, status, reason, error)


def trials_of(
    name: str, expected: Expected | None = None, heavy: Heavy = "all", backend: str | None = None
) -> list[Trial]:
    """Every check on an installed plugin and on each of its models, in order.

    `expected` has the reason for each (model, check) that is to fail; of the plugin as a whole, (distribution, check).
    With `heavy` = "smallest" only the smallest model is computed, for the first of its tasks. `backend` is the one to
    compute in, of the models that have it; by default the first of each. Where the manifest or the code can't be used,
    what needs it isn't checked. Raises RegistryError for a plugin, a model, a check or a backend that isn't there.
    """
    if heavy not in get_args(Heavy):
        raise RegistryError(f"there is no heavy = '{heavy}'; known: {', '.join(get_args(Heavy))}")
    whole = PluginSubject.named(name)
    possible = _possible(whole.plugin)
    trials = [Trial(whole.plugin.distribution, check, (whole,)) for check in possible if check not in OF_A_MODEL]
    cards = [card for card in whole.catalogue.cards if backend in (None, *card.backends)]
    if backend and whole.catalogue.cards and not cards:
        there = dict.fromkeys(other for card in whole.catalogue.cards for other in card.backends)
        raise RegistryError(f"no model of '{name}' has the backend '{backend}'; {suggestion(backend, list(there))}")
    for card in cards:
        subjects = tuple(_subjects(cards, whole.catalogue, card, heavy, backend or card.backends[0]))
        trials += [Trial(card.name, check, subjects) for check in possible if check in OF_A_MODEL]
    return _expecting(trials, whole.plugin, dict(expected or {}))


def counts(results: Iterable[Result]) -> str:
    """One line: for each model how many checks were run, skipped and expected to fail."""
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for result in results:
        found[result.subject][result.status] += 1
    return "; ".join(f"{subject}: {_counted(count)}" for subject, count in found.items())


def _counted(count: Counter[str]) -> str:
    failed = f" ({count['failed']} failed)" if count["failed"] else ""
    run = count["passed"] + count["failed"] + count["expected"]
    return f"{run} run{failed}, {count['skipped']} skipped, {count['expected']} expected to fail"


def _possible(plugin: Plugin) -> Sequence[Check]:
    """The checks that can be made: fewer where the manifest or the code can't be used."""
    if plugin.state != "ok":
        return OF_A_PLUGIN[:1]
    try:
        hooks_are_known(PluginSubject(plugin))
    except CheckFailed:
        return OF_A_PLUGIN
    return EVERY_CHECK


def _subjects(
    cards: Sequence[ModelCard], catalogue: Catalogue, card: ModelCard, heavy: Heavy, backend: str
) -> Iterator[ModelSubject]:
    """The model, one of `cards`, for each of its tasks."""
    smallest = min(cards, key=lambda other: other.parameters)
    computed = (smallest.name, smallest.tasks[0])
    for task in card.tasks:
        is_left_out = heavy == "smallest" and (card.name, task) != computed
        left_out = f'computed for {" and ".join(computed)} alone, since heavy = "smallest"' if is_left_out else ""
        yield ModelSubject(catalogue, card, task, backend, left_out)


def _expecting(trials: list[Trial], plugin: Plugin, expected: dict[tuple[str, str], str]) -> list[Trial]:
    """The trials with their expected failures. Raises RegistryError for a name that is none, or no reason."""
    whole = (plugin.distribution,)
    checks = {check.name: plugin.models if check in OF_A_MODEL else whole for check in EVERY_CHECK}
    for (subject, check), reason in expected.items():
        if check not in checks:
            raise RegistryError(f"expected: there is no check '{check}'; {suggestion(check, list(checks))}")
        if subject not in checks[check]:
            raise RegistryError(f"expected: {check} is no check of '{subject}'; {suggestion(subject, checks[check])}")
        if not reason:
            raise RegistryError(f"expected: ({subject}, {check}) needs the reason why it fails")
    return [
        Trial(trial.subject, trial.check, trial.on, expected.get((trial.subject, trial.check.name), ""))
        for trial in trials
    ]


def _task_of(subject: object, among: Sequence[object]) -> str:
    """The task a failure is about, where a model has several."""
    return f"{subject.task}: " if isinstance(subject, ModelSubject) and len(among) > 1 else ""


def _sentence(error: Exception, subject: PluginSubject | ModelSubject) -> str:
    """What went wrong; for what no check foresaw, with the place, in the plugin's code if it got there."""
    if isinstance(error, CheckFailed):
        return str(error)
    frames = traceback.extract_tb(error.__traceback__)
    path = subject.plugin.path if isinstance(subject, PluginSubject) else subject.card.manifest_path
    own = [frame for frame in frames if path and Path(frame.filename).is_relative_to(path.parent)]
    last = (own or list(frames))[-1]
    return f"{type(error).__name__}: {error} ({last.filename}:{last.lineno})"
