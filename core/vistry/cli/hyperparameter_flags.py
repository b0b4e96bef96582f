"""Hyperparameters given as flags: `--learning_rate 0.02` or `--learning_rate=0.02`."""

from __future__ import annotations

from collections.abc import Sequence

from vistry.errors import HyperparameterError, Problem, suggestion


def parse_flags(arguments: Sequence[str], options: Sequence[str]) -> dict[str, str]:
    """Names and texts of the flags a command doesn't know itself. Raises HyperparameterError.

    `options` are the command's own, for a suggestion when one of them is misspelt with a dash in it.
    """
    values: dict[str, str] = {}
    problems = []
    waiting = list(arguments)
    while waiting:
        flag = waiting.pop(0)
        if not flag.startswith("--"):
            problems.append(Problem(flag, "belongs to no flag", "write --name value"))
            continue
        name, equals, text = flag.removeprefix("--").partition("=")
        if "-" in name:
            close = suggestion(flag.partition("=")[0], options)
            remedy = close if close.startswith("did you mean") else f"write --{name.replace('-', '_')}"
            problems.append(Problem(flag, "is no option, and hyperparameters are written with _", remedy))
        elif not equals and (not waiting or waiting[0].startswith("--")):
            problems.append(Problem(flag, "has no value", f"write --{name} VALUE"))
            continue
        elif name in values:
            problems.append(Problem(flag, "is given twice", "give it once"))
        value = text if equals else waiting.pop(0) if waiting and not waiting[0].startswith("--") else ""
        values[name] = value
    if problems:
        raise HyperparameterError(problems, "flags")
    return values
