"""A check, and the exceptions that end one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from vistry.registry.plugin_code import BrokenPluginError

Subject: TypeAlias = Any
"""A PluginSubject or a ModelSubject; the function of a check takes one of the two."""


class CheckFailed(AssertionError):
    """A fault of the plugin, and what its author can do about it."""


class NothingToCheck(Exception):
    """The reason why a check can't be made. It is then listed as skipped, and not counted among those that were run."""


@dataclass(frozen=True)
class Check:
    """A property of a plugin or of one of its models; the function raises unless it holds.

    The function may return a note for the reader of the results. `absence` returns why a subject lacks what the
    function looks at, "" if it doesn't. `computes` tells whether the function trains or predicts, which is skipped for
    models that are left out of the computation.
    """

    function: Callable[[Subject], str | None]
    absence: Callable[[Subject], str] | None = None
    computes: Callable[[Subject], bool] | None = None

    def skip_reason(self, subject: Subject) -> str:
        """Return why the check isn't made on a subject, "" if it is."""
        absence = self.absence(subject) if self.absence else ""
        return absence or self.left_out_reason(subject)

    def left_out_reason(self, subject: Subject) -> str:
        """Return why a check that computes leaves a subject out, "" if it doesn't. It builds no model."""
        reason: str = subject.left_out if self.computes and self.computes(subject) else ""
        return reason

    @property
    def name(self) -> str:
        """The name of the check in reports."""
        return self.function.__name__

    @property
    def sentence(self) -> str:
        """The property in a sentence: the first line of the function's docstring."""
        return (self.function.__doc__ or "").partition("\n")[0]


def always(subject: object) -> bool:  # noqa: ARG001
    """Return True: the check trains or predicts on every subject."""
    return True


def reason_of(error: Exception) -> str:
    """Return an exception in words: a plugin's fault by its reason, with file and line, another with its type."""
    return error.reason if isinstance(error, BrokenPluginError) else f"{type(error).__name__}: {error}"


def require(holds: bool, message: str) -> None:
    """Raise CheckFailed unless something holds."""
    if not holds:
        raise CheckFailed(message)


def listed(names: Sequence[str], most: int = 3) -> str:
    """Return the first names of a list, for a message."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
