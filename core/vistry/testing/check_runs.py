"""The run of each check on a plugin or a model, and its result."""

from __future__ import annotations

import traceback
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, get_args

from vistry.errors import RegistryError, suggestion
from vistry.plugin.faults import BrokenPluginError, keep_traceback
from vistry.registry.cards import ModelCard
from vistry.registry.catalogue import Catalogue
from vistry.registry.discovery import Plugin
from vistry.testing.all_checks import EVERY_CHECK, MODEL_CHECKS, PLUGIN_CHECKS
from vistry.testing.check import Check, CheckFailed, NothingToCheck
from vistry.testing.manifest_checks import hooks_are_known
from vistry.testing.model_subject import ModelSubject, PluginSubject

Status = Literal["passed", "failed", "skipped", "expected"]
Heavy = Literal["all", "smallest"]
Expected = Mapping[tuple[str, str], str]


@dataclass(frozen=True)
class Result:
    """The result of a check of a model, or of the plugin as a whole; `error` is the exception, if there was one."""

    subject: str
    check: str
    status: Status
    reason: str = ""
    error: Exception | None = None

    def to_dict(self) -> dict[str, str]:
        """Return the result as plain JSON values."""
        return {"subject": self.subject, "check": self.check, "status": self.status, "reason": self.reason}


@dataclass(frozen=True)
class CheckRun:
    """A check of a model, for each of its tasks, or of the plugin as a whole; `expected` is the reason of a failure."""

    subject: str
    check: Check
    subjects: tuple[PluginSubject, ...] | tuple[ModelSubject, ...]
    expected: str = ""

    def __str__(self) -> str:
        return f"{self.subject}-{self.check.name}"

    @property
    def applies(self) -> bool:
        """Whether there is something to check; where an error prevents the answer, the check reports it."""
        try:
            return not all(self.check.skip_reason(subject) for subject in self.subjects)
        except Exception:
            return True

    def result(self) -> Result:
        """Run the check. An expected failure has the status "expected", and fails where the check passes."""
        result = self._run()
        if not self.expected or result.status == "skipped":
            return result
        if result.status == "failed":
            return self._ended("expected", self.expected, result.error)
        reason = f"the check was expected to fail ({self.expected}) but passes; remove it from the expected failures"
        return self._ended("failed", reason)

    def _run(self) -> Result:
        left_out: list[str] = []
        impossible: list[NothingToCheck] = []
        for subject in self.subjects:
            try:
                if reason := self.check.skip_reason(subject):
                    left_out.append(reason)
                else:
                    self.check.function(subject)
            except NothingToCheck as error:
                impossible.append(error)
            except Exception as error:
                return self._ended("failed", f"{_task_prefix(subject, self.subjects)}{_message(error, subject)}", error)
        if len(left_out) + len(impossible) < len(self.subjects):
            return self._ended("passed")
        if self.check.required and impossible:
            return self._ended("failed", f"this required check can't be made: {impossible[0]}", impossible[0])
        return self._ended("skipped", [*map(str, impossible), *left_out][0])

    def _ended(self, status: Status, reason: str = "", error: Exception | None = None) -> Result:
        return Result(self.subject, self.check.name, status, reason=reason, error=error)


def check_runs_of(
    name: str, expected: Expected | None = None, *, heavy: Heavy = "all", backend: str | None = None
) -> list[CheckRun]:
    """Return the run of every check of an installed plugin and of each of its models, in order.

    Where the manifest or the code is invalid, the checks that need it are left out.

    Args:
        name: the plugin, or its distribution.
        expected: the reasons why checks fail, by (model, check) or (distribution, check).
        heavy: "smallest" computes only the smallest model, for the first of its tasks.
        backend: the tensor library; models without it are left out. By default the first of each model.

    Raises:
        RegistryError: an unknown plugin, model, check or backend.
    """
    if heavy not in get_args(Heavy):
        raise RegistryError(f"invalid heavy '{heavy}'; use one of: {', '.join(get_args(Heavy))}")
    whole = PluginSubject.named(name)
    possible = _possible(whole.plugin)
    runs = [CheckRun(whole.plugin.distribution, check, (whole,)) for check in possible if check not in MODEL_CHECKS]
    cards = [card for card in whole.catalogue.cards if backend in (None, *card.backends)]
    if backend and whole.catalogue.cards and not cards:
        backends = dict.fromkeys(other for card in whole.catalogue.cards for other in card.backends)
        raise RegistryError(f"no model of '{name}' has the backend '{backend}'; {suggestion(backend, list(backends))}")
    for card in cards:
        models = _subjects(whole.catalogue, card, backend or card.backends[0])
        subjects = tuple(_leave_out_larger(models, cards) if heavy == "smallest" else models)
        runs += [CheckRun(card.name, check, subjects) for check in possible if check in MODEL_CHECKS]
    return _with_expected(runs, whole.plugin, dict(expected or {}))


def counts(results: Iterable[Result]) -> str:
    """Count in a line, for each model, the checks that were run, skipped and expected to fail."""
    by_subject: dict[str, Counter[str]] = defaultdict(Counter)
    for result in results:
        by_subject[result.subject][result.status] += 1
    return "; ".join(f"{subject}: {_counted(count)}" for subject, count in by_subject.items())


def _counted(count: Counter[str]) -> str:
    failed = f" ({count['failed']} failed)" if count["failed"] else ""
    run = count["passed"] + count["failed"] + count["expected"]
    return f"{run} run{failed}, {count['skipped']} skipped, {count['expected']} expected to fail"


def _possible(plugin: Plugin) -> Sequence[Check]:
    """Return the checks that can be made: fewer where the manifest or the code is invalid."""
    # With an invalid manifest or broken hooks all later checks would fail for that one reason.
    if plugin.state != "ok":
        return PLUGIN_CHECKS[:1]
    try:
        hooks_are_known(PluginSubject(plugin))
    except CheckFailed:
        return PLUGIN_CHECKS
    return EVERY_CHECK


def _subjects(catalogue: Catalogue, card: ModelCard, backend: str) -> list[ModelSubject]:
    """Return a model for each of its tasks."""
    return [ModelSubject(catalogue=catalogue, card=card, task=task, backend=backend) for task in card.tasks]


def _leave_out_larger(subjects: Iterable[ModelSubject], cards: Sequence[ModelCard]) -> Iterator[ModelSubject]:
    """Leave all but the smallest of the models out of the computation, and that one for all but its first task."""
    smallest = min(cards, key=lambda card: card.parameters)
    computed = (smallest.name, smallest.tasks[0])
    reason = f'only {computed[0]} is computed, for {computed[1]}, because heavy = "smallest"'
    for subject in subjects:
        yield subject if (subject.card.name, subject.task) == computed else replace(subject, left_out=reason)


def _with_expected(runs: list[CheckRun], plugin: Plugin, expected: dict[tuple[str, str], str]) -> list[CheckRun]:
    """Return the runs with their expected failures. Raises RegistryError for an unknown name, or a missing reason."""
    whole = (plugin.distribution,)
    checks = {check.name: plugin.models if check in MODEL_CHECKS else whole for check in EVERY_CHECK}
    for (subject, check), reason in expected.items():
        if check not in checks:
            raise RegistryError(f"expected: unknown check '{check}'; {suggestion(check, list(checks))}")
        if subject not in checks[check]:
            raise RegistryError(f"expected: '{subject}' has no check {check}; {suggestion(subject, checks[check])}")
        if not reason:
            raise RegistryError(f"expected: ({subject}, {check}) needs a reason")
    return [replace(run, expected=expected.get((run.subject, run.check.name), "")) for run in runs]


def _task_prefix(subject: object, subjects: Sequence[object]) -> str:
    """Return the task of a failure, where the model has several."""
    return f"{subject.task}: " if isinstance(subject, ModelSubject) and len(subjects) > 1 else ""


def _message(error: Exception, subject: PluginSubject | ModelSubject) -> str:
    """Return an error as a sentence; where no check raised it, with its file and line, the plugin's own if possible."""
    if isinstance(error, CheckFailed):
        return str(error)
    if isinstance(error, BrokenPluginError):
        keep_traceback(error)
        return f"{error.reason}; the traceback is in {error.file}" if error.file else error.reason
    frames = traceback.extract_tb(error.__traceback__)
    path = subject.plugin.path if isinstance(subject, PluginSubject) else subject.card.manifest_path
    # The last frame in the plugin's own code: below it is a library that the plugin called.
    own = [frame for frame in frames if path and Path(frame.filename).is_relative_to(path.parent)]
    last = (own or list(frames))[-1]
    return f"{type(error).__name__}: {error} ({last.filename}:{last.lineno})"
