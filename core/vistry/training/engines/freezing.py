"""Which parameters `layers_to_freeze` keeps still."""

from __future__ import annotations

from collections.abc import Collection

from vistry.errors import HyperparameterError, Problem
from vistry.plugin.types import FreezingMap


def frozen_prefixes(freezing: FreezingMap, layers: int, parameters: Collection[str]) -> tuple[str, ...]:
    """The prefixes of the names that don't train when the first `layers` groups are frozen.

    Raises HyperparameterError for more layers than there are, or a prefix that matches no parameter.
    """
    groups = freezing.groups
    if layers > len(groups):
        message = f"{layers} is more than the {len(groups)} layers of this model that can be frozen"
        raise HyperparameterError([Problem("layers_to_freeze", message, f"use at most {len(groups)}")])
    prefixes = tuple(prefix for group in groups[:layers] for prefix in group)
    for prefix in prefixes:
        if not any(name.startswith(prefix) for name in parameters):
            message = f"the prefix '{prefix}' matches no parameter"
            raise HyperparameterError([Problem("layers_to_freeze", message, "correct the freezing map")])
    return prefixes
