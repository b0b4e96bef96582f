"""Metrics that have a function of their own, such as plugins bring them: what each says of a set of predictions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from vistry.errors import RegistryError
from vistry.plugin.types import Predictions, Tensor
from vistry.registry.part_code import broken, guarded, load_code
from vistry.registry.part_specs import MetricSpec
from vistry.registry.parts import Part, PartTable

ROUNDING = 1e-6  # by which a value may pass the end of its range


@dataclass(frozen=True)
class Measured:
    """The values by name, undefined ones left out, and an error for each metric whose code failed."""

    values: dict[str, float] = field(default_factory=dict)
    failures: dict[str, RegistryError] = field(default_factory=dict)


def measure(
    metrics: PartTable[MetricSpec], predictions: Predictions, targets: Tensor, classes: Sequence[str]
) -> Measured:
    """Compute every metric from N predictions and their targets, each as its task has them.

    The failure of one costs that one, since nobody may have asked for it.
    """
    measured = Measured()
    for name, part in metrics.parts.items():
        try:
            value = value_of(part, predictions, targets, classes=classes)
        except RegistryError as error:
            measured.failures[name] = error
        else:
            if value is not None:
                measured.values[name] = value
    return measured


def value_of(part: Part[MetricSpec], predictions: Predictions, targets: Tensor, classes: Sequence[str]) -> float | None:
    """Call one metric; None where it is undefined. Raises BrokenPluginError."""
    function = load_code(part, part.spec.function)
    with guarded(part):
        answer = function(predictions, targets, classes)
        value = math.nan if answer is None else float(answer)
    if math.isnan(value):
        return None
    # A report draws the range, and an early stop trusts the direction.
    lower, upper = part.spec.lower, part.spec.upper
    if not lower - ROUNDING <= value <= upper + ROUNDING:
        raise broken(part, f"it is {value:g}, and plugin.toml says from {lower:g} to {upper:g}")
    return value
