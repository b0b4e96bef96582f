"""What a check is, and the ways it can end other than well."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


class CheckFailed(AssertionError):
    """What is wrong with the plugin, and what its author can do about it."""


class NothingToCheck(Exception):
    """Why a check has nothing to look at; where the check is required this is a failure."""


@dataclass(frozen=True)
class Check:
    """One property of a plugin or of one of its models; the function raises unless it holds.

    `nothing` gives the reason why a subject lacks what the function looks at, or an empty text. `computes` tells
    whether the function trains or predicts on it, which models that are left out of the computation skip.
    """

    function: Callable[[Any], None]
    nothing: Callable[[Any], str] | None = None
    computes: Callable[[Any], bool] | None = None

    @property
    def required(self) -> bool:
        """Whether every subject has what the function looks at."""
        return self.nothing is None

    def skip_reason(self, subject: Any) -> str:
        """Why the check isn't made on a subject, or an empty text."""
        missing = self.nothing(subject) if self.nothing else ""
        left_out: str = subject.left_out if self.computes and self.computes(subject) else ""
        return missing or left_out

    @property
    def name(self) -> str:
        """The name it is reported under."""
        return self.function.__name__

    @property
    def sentence(self) -> str:
        """What holds where it passes."""
        return (self.function.__doc__ or "").partition("\n")[0]


def always(subject: object) -> bool:  # noqa: ARG001
    """Return True: the check trains or predicts on every subject."""
    return True


def require(holds: bool, message: str) -> None:
    """Raise CheckFailed unless something holds."""
    if not holds:
        raise CheckFailed(message)


def listed(names: list[str], most: int = 3) -> str:
    """The first names of a list, for a message."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
