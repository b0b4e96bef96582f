"""What goes wrong, in sentences a person can act on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


class VistryError(Exception):
    """An error for the person at the keyboard: the command line prints it without a traceback."""

    exit_status = 2


class RegistryError(VistryError):
    """A name, a plugin or a policy file that the registry can't use."""


class DataError(VistryError):
    """A data set that can't be read, or not used for this task."""


class WeightsError(VistryError):
    """Weights that are missing, refused, or don't fit the model."""


class RunError(VistryError):
    """A run folder that is missing, incomplete, or can't be written."""


class TrainingError(VistryError):
    """A training that had to stop; what it had saved is intact."""


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with a value: the field, the rule it breaks, and what to do.

    `plugin` is the one whose rule it is, "" for a rule of Vistry's; core fills it in.
    """

    field: str
    message: str
    remedy: str = ""
    severity: str = "error"
    plugin: str = ""

    def __str__(self) -> str:
        text = f"{self.field}: {self.message}" if self.field else self.message
        text += f", says the plugin '{self.plugin}'" if self.plugin else ""
        return f"{text}; {self.remedy}" if self.remedy else text


class HyperparameterError(VistryError):
    """Every problem of a set of hyperparameters at once, in `problems`."""

    def __init__(self, problems: Sequence[Problem], subject: str = "hyperparameters"):
        self.problems = tuple(problems)
        count = len(self.problems)
        head = f"{count} problem{'s' if count != 1 else ''} with the {subject}:"
        super().__init__("\n".join([head, *(f"  - {problem}" for problem in self.problems)]))


def suggestion(name: str, known: Sequence[str], ask: str = "did you mean") -> str:
    """The end of an error sentence: the nearest known name, or all of them where they are few."""
    from difflib import get_close_matches

    close = get_close_matches(name, known, n=1, cutoff=0.6)
    if close:
        return f"{ask} '{close[0]}'?"
    if 0 < len(known) <= 20:
        return "known: " + ", ".join(known)
    return ""
