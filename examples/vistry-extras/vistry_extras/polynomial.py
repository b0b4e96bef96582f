"""A schedule that ends at zero."""

from __future__ import annotations

from collections.abc import Callable

from vistry.plugin import Values


def polynomial(hyperparameters: Values, steps_per_epoch: int) -> Callable[[int], float]:
    """The factor (1 - step / steps) ** power, as segmentation networks have long been trained with."""
    steps, power = hyperparameters["number_of_epochs"] * steps_per_epoch, hyperparameters["polynomial_power"]

    def factor(step: int) -> float:
        remaining: float = (1 - step / steps) ** power
        return remaining

    return factor
