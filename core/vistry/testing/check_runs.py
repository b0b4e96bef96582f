"""The run of each check on a plugin or a model, and its result."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args

from vistry.errors import RegistryError, suggestion
from vistry.registry.cards import ModelCard
from vistry.registry.catalogue import Catalogue
from vistry.registry.discovery import Plugin
from vistry.testing.all_checks import CODE_CHECKS, EVERY_CHECK, MODEL_CHECKS, PLUGIN_CHECKS
from vistry.testing.build_checks import model_is_built
from vistry.testing.check import Check, CheckFailed, NothingToCheck, Subject
from vistry.testing.manifest_checks import hooks_are_known
from vistry.testing.model_subject import ModelSubject, PluginSubject, message
from vistry.testing.pair_checks import PAIR_CHECKS, PairSubject

Status = Literal["passed", "failed", "skipped", "expected"]
Heavy = Literal["all", "smallest"]
Expected = Mapping[tuple[str, str], str]


@dataclass(frozen=True)
class Result:
    """The result of a check of a model, or of the plugin as a whole; `error` is the exception, if there was one.

    `reason` says why it failed or wasn't made, or what somebody should know about a check that passed.
    """

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
    """A check of a model, for each of its tasks, or of the plugin as a whole.

    `expected` is the reason of a failure, `left_out` the reason why the check isn't made.
    """

    subject: str
    check: Check
    subjects: tuple[Subject, ...]
    expected: str = ""
    left_out: str = ""

    def __str__(self) -> str:
        return f"{self.subject}-{self.check.name}"

    @property
    def applies(self) -> bool:
        """Whether there is something to check; where an error prevents the answer, the check reports it."""
        try:
            return not self.left_out and not all(
                self.check.left_out_reason(subject) or self.check.skip_reason(subject) for subject in self.subjects
            )
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
        if self.left_out:
            return self._ended("skipped", self.left_out)
        notes: list[str] = []
        left_out: list[str] = []
        impossible: list[str] = []
        for subject in self.subjects:
            try:
                if reason := self.check.skip_reason(subject):
                    left_out.append(reason)
                else:
                    notes.append(self.check.function(subject) or "")
            except NothingToCheck as error:
                impossible.append(str(error))
            except Exception as error:
                if self._is_prevented(subject):
                    impossible.append(f"the model can't be built, see {model_is_built.__name__}")
                    continue
                return self._ended("failed", f"{_task_prefix(subject, self.subjects)}{message(error, subject)}", error)
        if notes:
            return self._ended("passed", next(filter(None, notes), ""))
        return self._ended("skipped", [*impossible, *left_out][0])

    def _is_prevented(self, subject: Subject) -> bool:
        """Return whether a check fails because there is no model, which is for another check to tell."""
        return (
            self.check.function is not model_is_built
            and isinstance(subject, ModelSubject)
            and subject.build_error is not None
        )

    def _ended(self, status: Status, reason: str = "", error: Exception | None = None) -> Result:
        return Result(self.subject, self.check.name, status, reason=reason, error=error)


def check_runs_of(
    name: str,
    expected: Expected | None = None,
    *,
    heavy: Heavy = "all",
    backend: str | None = None,
    models: Collection[str] = (),
) -> list[CheckRun]:
    """Return the run of every check of an installed plugin and of each of its models, in order.

    Where the manifest or the code is invalid, the checks that need it end as skipped.

    Args:
        name: the plugin, or its distribution.
        expected: the reasons why checks fail, by (model, check) or (distribution, check).
        heavy: "smallest" computes only the smallest model, for the first of its tasks.
        backend: the tensor library; models without it are left out. By default the first of each model.
        models: the names of those to check; none given means all.

    Raises:
        RegistryError: an unknown plugin, model, check or backend.
    """
    if heavy not in get_args(Heavy):
        raise RegistryError(f"invalid heavy '{heavy}'; use one of: {', '.join(get_args(Heavy))}")
    whole = PluginSubject.named(name)
    left_out = _left_out(whole.plugin)
    runs = [
        CheckRun(whole.plugin.distribution, check, (whole,), left_out=left_out.get(check, ""))
        for check in (*PLUGIN_CHECKS, *CODE_CHECKS)
    ]
    cards = [card for card in whole.catalogue.cards if backend in (None, *card.backends)]
    if backend and whole.catalogue.cards and not cards:
        backends = dict.fromkeys(other for card in whole.catalogue.cards for other in card.backends)
        raise RegistryError(f"no model of '{name}' has the backend '{backend}'; {suggestion(backend, list(backends))}")
    known = [card.name for card in cards]
    for model in models:
        if model not in known:
            raise RegistryError(f"there is no model '{model}' to check; {suggestion(model, known)}".rstrip("; "))
    cards = [card for card in cards if not models or card.name in models]
    for card in cards:
        tasks = _subjects(whole.catalogue, card, backend or card.backends[0])
        subjects = tuple(_leave_out_larger(tasks, cards) if heavy == "smallest" else tasks)
        runs += [CheckRun(card.name, check, subjects, left_out=left_out.get(check, "")) for check in MODEL_CHECKS]
    return _with_expected(runs, whole, dict(expected or {}))


def check_runs_of_pair(first: str, second: str) -> list[CheckRun]:
    """Return the runs of the checks of two installed plugins with each other. Raises RegistryError."""
    pair = PairSubject.named(first, second)
    name = " + ".join(plugin.name for plugin in pair.plugins)
    return [CheckRun(name, check, (pair,)) for check in PAIR_CHECKS]


def chosen(runs: Sequence[CheckRun], models: Collection[str] = (), checks: Collection[str] = ()) -> list[CheckRun]:
    """Return the runs of these models and of these checks; nothing given means all of them.

    Raises RegistryError for an unknown model or check, and where none of the runs is left.
    """
    subjects = dict.fromkeys(run.subject for run in runs if run.check in MODEL_CHECKS)
    for model in models:
        if model not in subjects:
            hint = suggestion(model, list(subjects))
            raise RegistryError(f"there is no model '{model}' to check; {hint}".rstrip("; "))
    names = dict.fromkeys([*(run.check.name for run in runs), *(check.name for check in EVERY_CHECK)])
    for check in checks:
        if check not in names:
            hint = suggestion(check, list(names)) or f"there are {', '.join(names)}"
            raise RegistryError(f"there is no check '{check}'; {hint}")
    left = [run for run in runs if (not models or run.subject in models) and (not checks or run.check.name in checks)]
    if not left:
        subject = " or ".join(models) or "this"
        raise RegistryError(f"{' or '.join(checks)} is not made of {subject}; name another check")
    return left


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


def _left_out(plugin: Plugin) -> dict[Check, str]:
    """Return why checks aren't made: with an invalid manifest or broken hooks all would fail for that one reason."""
    if plugin.state != "ok":
        return dict.fromkeys(EVERY_CHECK[1:], f"the plugin is {plugin.state}, see {PLUGIN_CHECKS[0].name}")
    try:
        hooks_are_known(PluginSubject(plugin))
    except CheckFailed:
        reason = f"its code can't be used, see {hooks_are_known.__name__}"
        return dict.fromkeys((*CODE_CHECKS, *MODEL_CHECKS), reason)
    return {}


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


def _with_expected(runs: list[CheckRun], whole: PluginSubject, expected: dict[tuple[str, str], str]) -> list[CheckRun]:
    """Return the runs with their expected failures. Raises RegistryError for an unknown name, or a missing reason."""
    models = dict.fromkeys((*whole.plugin.models, *(card.name for card in whole.catalogue.cards)))
    checks = {
        check.name: list(models) if check in MODEL_CHECKS else [whole.plugin.distribution] for check in EVERY_CHECK
    }
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
