"""How the values of one hyperparameter are drawn: every kind of distribution, by its quantiles.

A sampler knows nothing of kinds and scales: it proposes a number between 0 and 1, and `value` says what that means.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

from vistry.registry.field_spec import Scalar

CLIP = 1e-6  # of the tails of a normal distribution, which have no end
_STANDARD = NormalDist()


@dataclass(frozen=True, kw_only=True)
class Distribution:
    """What one hyperparameter is drawn from. `kind` is choice, uniform, loguniform, normal or lognormal.

    A choice has `choices`, of which None stands for unset; all are as likely. Uniform kinds go from `low` to `high`,
    both in the hyperparameter's own units and included; normal kinds have `mean` and `deviation`, in natural logarithms
    for lognormal. With `step`, values are multiples of it, and with `is_integer` whole numbers. With `is_relative`,
    `low` and `high` are factors of the model's own default, which the space knows; for a learning rate of the one for
    the optimiser that is drawn.
    """

    kind: str
    choices: tuple[Scalar | None, ...] = ()
    low: float = 0.0
    high: float = 1.0
    mean: float = 0.0
    deviation: float = 1.0
    step: float | None = None
    is_integer: bool = False
    is_relative: bool = False

    def value(self, unit: float) -> Scalar | None:
        """The quantile of a number between 0 and 1."""
        if self.kind == "choice":
            return self.choices[min(int(unit * len(self.choices)), len(self.choices) - 1)]
        return self._rounded(self._quantile(unit))

    def unit(self, value: Scalar | None) -> float | None:
        """The number whose quantile is a value; of several the middle one. None where it isn't in the distribution."""
        if self.kind == "choice":
            places = [place for place, choice in enumerate(self.choices) if _same(choice, value)]
            return (places[0] + 0.5) / len(self.choices) if places else None
        if isinstance(value, str) or value is None:
            return None
        number = float(value)
        if self.kind in ("uniform", "loguniform") and not self.low <= number <= self.high:
            return None
        return min(max(self._share_below(number), 0.0), 1.0)

    def grid(self) -> tuple[Scalar | None, ...] | None:
        """Every value that can be drawn, in order; None where there is no end of them."""
        if self.kind == "choice":
            return self.choices
        step = self.step or (1 if self.is_integer else None)
        if step is None or self.kind not in ("uniform", "loguniform"):
            return None
        first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
        return tuple(self._typed(number * step) for number in range(first, last + 1))

    def ends(self) -> tuple[Scalar | None, ...]:
        """Every value of a choice; of the others the lowest and the highest that can be drawn."""
        return self.choices if self.kind == "choice" else (self.value(0.0), self.value(1.0))

    def _quantile(self, unit: float) -> float:
        if self.kind == "uniform":
            return self.low + unit * (self.high - self.low)
        if self.kind == "loguniform":
            return math.exp(math.log(self.low) + unit * (math.log(self.high) - math.log(self.low)))
        normal = self.mean + self.deviation * _STANDARD.inv_cdf(min(max(unit, CLIP), 1 - CLIP))
        return math.exp(normal) if self.kind == "lognormal" else normal

    def _share_below(self, number: float) -> float:
        if self.kind == "uniform":
            return (number - self.low) / (self.high - self.low) if self.high > self.low else 0.5
        if self.kind == "loguniform":
            width = math.log(self.high) - math.log(self.low)
            return (math.log(number) - math.log(self.low)) / width if width else 0.5
        if self.kind == "lognormal" and number <= 0:
            return 0.0
        place = math.log(number) if self.kind == "lognormal" else number
        return NormalDist(self.mean, self.deviation).cdf(place)

    def _rounded(self, number: float) -> Scalar:
        step = self.step or (1 if self.is_integer else None)
        if step is None:
            if self.kind in ("uniform", "loguniform"):
                number = min(max(number, self.low), self.high)
            return number
        steps = round(number / step)
        if self.kind in ("uniform", "loguniform"):  # rounding may leave the range
            steps = min(max(steps, math.ceil(self.low / step - 1e-9)), math.floor(self.high / step + 1e-9))
        return self._typed(steps * step)

    def _typed(self, number: float) -> Scalar:
        return round(number) if self.is_integer else float(number)


def _same(first: Scalar | None, second: Scalar | None) -> bool:
    """Whether two values are one, to which 1 and True are two."""
    return type(first) is type(second) and first == second
