"""The parameters that `layers_to_freeze` excludes from training."""

from __future__ import annotations

from collections.abc import Collection

from vistry.errors import HyperparameterError, Problem
from vistry.plugin.types import FreezingMap
from vistry.registry.plugin_code import WrongAnswerError


def frozen_prefixes(freezing: FreezingMap, layers: int, parameters: Collection[str]) -> tuple[str, ...]:
    """Return the prefixes of the parameters that don't train when the first `layers` groups are frozen.

    Raises HyperparameterError if there are fewer groups, and WrongAnswerError if a prefix matches none of the
    `parameters`.
    """
    groups = freezing.groups
    if layers > len(groups):
        message = f"{layers} is more than the {len(groups)} layers of this model that can be frozen"
        raise HyperparameterError([Problem("layers_to_freeze", message, f"use at most {len(groups)}")])
    prefixes = tuple(prefix for group in groups[:layers] for prefix in group)
    for prefix in prefixes:
        if not any(name.startswith(prefix) for name in parameters):
            first = ", ".join(sorted(parameters)[:3])
            raise WrongAnswerError(
                f"has the prefix '{prefix}', which matches no parameter; the first names are {first}; "
                "correct the freezing map"
            )
    return prefixes


def trained_names(parameters: Collection[str], prefixes: tuple[str, ...]) -> set[str]:
    """Return the parameters under none of the frozen prefixes."""
    return {name for name in parameters if not name.startswith(prefixes)}
