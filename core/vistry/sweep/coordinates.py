"""A space as one box that all its models share: each hyperparameter is a coordinate by its name, from 0 to 1.

So a sampler learns of a hyperparameter from the trials of every model, whatever range each has for it, and a space of
several groups is none the harder. What has an order is a number, also a choice of numbers; other choices are labels.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property

from vistry.registry.field_spec import Scalar
from vistry.sweep.distribution import Distribution
from vistry.sweep.space import Space, Values
from vistry.sweep.trial import Trial

ARM = "model"  # the coordinate that says which model of which group
MIDDLE = 0.5  # of a coordinate that a model doesn't have
DIGITS = 4  # that a number is drawn to: more say nothing, and people read them
# By so much may a value lie outside its range and still count: it was rounded to its digits.
_ROUNDING = 10.0 ** (1 - DIGITS)
_RATE, _OPTIMIZER = "learning_rate", "optimizer"

Point = Mapping[str, float]  # a number from 0 to 1 of each numeric coordinate, the place of a choice of the others


@dataclass(frozen=True)
class Coordinates:
    """The coordinates of a space, to and from the values of trials."""

    space: Space

    @cached_property
    def arms(self) -> tuple[tuple[int, str], ...]:
        """Each model of each group."""
        return tuple((place, model) for place, group in enumerate(self.space.groups) for model in group.models)

    @cached_property
    def numeric(self) -> tuple[str, ...]:
        """The coordinates that are a number from 0 to 1."""
        return tuple(dict.fromkeys(name for _, name, one in self._drawn if _is_ordered(one)))

    @cached_property
    def categorical(self) -> Mapping[str, int]:
        """The coordinates that are one of several labels, and how many each has; the arm is the first."""
        labels = {self._keys[place, name]: len(one.choices) for place, name, one in self._drawn if not _is_ordered(one)}
        return {ARM: len(self.arms), **labels}

    @cached_property
    def size(self) -> int | None:
        """How many different trials there are; None where there is no end of them."""
        size = 0
        for place, _ in self.arms:
            grids = [one.grid() for one in self.space.groups[place].parameters.values()]
            # A choice may have a value twice, and 1 and 1.0 are one.
            lengths = [len(set(map(_typed, grid))) for grid in grids if grid is not None]
            if len(lengths) < len(grids):
                return None
            size += math.prod(lengths)
        return size

    def place(self, point: Point) -> tuple[int, str, Values]:
        """The group, the model and the values that a point stands for."""
        group, model = self.arms[int(point[ARM])]
        return group, model, self._values(group, model, point)

    def point(self, group: int, model: str, values: Values) -> Point | None:
        """The point that stands for a trial; None where the space doesn't hold it."""
        if (group, model) not in self.arms:
            return None
        point = {**dict.fromkeys(self.numeric, MIDDLE), **dict.fromkeys(self.categorical, 0.0)}
        point[ARM] = self.arms.index((group, model))
        for name, one in self.space.groups[group].parameters.items():
            if len(one.choices) == 1:
                continue
            coordinate = self._coordinate(
                group, name, one, value=values.get(name), base=self._base(group, model, name, values=values)
            )
            if coordinate is None:
                return None
            point |= coordinate
        return point

    def point_of(self, trial: Trial) -> Point | None:
        """The point of a trial that was begun; None where an edited space holds it no more."""
        return self.point(trial.record.group, trial.record.model, trial.record.values)

    def from_units(self, units: Sequence[float]) -> Point:
        """A point from as many numbers in [0, 1) as there are coordinates, labels first."""
        labels = {name: int(unit * count) for (name, count), unit in zip(self.categorical.items(), units, strict=False)}
        return {**labels, **dict(zip(self.numeric, units[len(labels) :], strict=True))}

    @property
    def dimensions(self) -> int:
        """The number of coordinates."""
        return len(self.categorical) + len(self.numeric)

    def default(self, group: int, model: str) -> tuple[Values, bool]:
        """What a model trains with by default, or as near as the group allows, and whether it is just that."""
        parameters, own = self.space.groups[group].parameters, self.space.defaults[model].values
        values: dict[str, Scalar | None] = {}
        wanted: dict[str, Scalar | None] = {}
        for name in _in_order(parameters):
            base = self._base(group, model, name, values=values)
            wanted[name] = own.get(name) if base is None else base
            values[name] = _nearest(parameters[name], wanted[name], base)
        is_own = all(values[name] == wanted[name] for name, one in parameters.items() if len(one.choices) != 1)
        return {name: values[name] for name in parameters}, is_own

    def identity(self, group: int, model: str, values: Values) -> tuple[object, ...]:
        """What two trials have in common that are the same."""
        names = self.space.groups[group].parameters if group < len(self.space.groups) else ()
        return group, model, tuple(_typed(values.get(name)) for name in sorted(names))

    def identities(self, trials: Sequence[Trial]) -> set[tuple[object, ...]]:
        """The identity of each trial."""
        records = [trial.record for trial in trials]
        return {self.identity(record.group, record.model, record.values) for record in records}

    @cached_property
    def _drawn(self) -> list[tuple[int, str, Distribution]]:
        """The place of its group, the name and the distribution of all that isn't a constant."""
        return [
            (place, name, one)
            for place, group in enumerate(self.space.groups)
            for name, one in group.parameters.items()
            if len(one.choices) != 1
        ]

    @cached_property
    def _keys(self) -> Mapping[tuple[int, str], str]:
        """The coordinate of each choice among labels, which groups share if they have the same ones."""
        labels = [(place, name, one.choices) for place, name, one in self._drawn if not _is_ordered(one)]
        kinds = {name: {choices for _, other, choices in labels if other == name} for _, name, _ in labels}
        shared = {name for name, choices in kinds.items() if len(choices) == 1 and name not in (ARM, *self.numeric)}
        return {(place, name): name if name in shared else f"{name}@{place}" for place, name, _ in labels}

    def _values(self, place: int, model: str, point: Point) -> Values:
        parameters = self.space.groups[place].parameters
        values: dict[str, Scalar | None] = {}
        for name in _in_order(parameters):
            one = parameters[name]
            if len(one.choices) == 1:
                values[name] = one.choices[0]
            elif not _is_ordered(one):
                values[name] = one.choices[int(point[self._keys[place, name]])]
            else:
                values[name] = _number(_sorted(one), point[name], base=self._base(place, model, name, values=values))
        return {name: values[name] for name in parameters}

    def _coordinate(
        self, place: int, name: str, one: Distribution, *, value: Scalar | None, base: float | None
    ) -> Point | None:
        if not _is_ordered(one):
            labels = [_typed(choice) for choice in one.choices]
            return {self._keys[place, name]: labels.index(_typed(value))} if _typed(value) in labels else None
        if base is not None and isinstance(value, (int, float)):
            value = value / base
        unit = _sorted(one).unit(_within(one, value))
        return None if unit is None else {name: unit}

    def _base(self, place: int, model: str, name: str, *, values: Values) -> float | None:
        """What a relative distribution's factors multiply; None for a distribution that isn't."""
        if not self.space.groups[place].parameters[name].is_relative:
            return None
        defaults = self.space.defaults[model]
        optimizer = str(self.space.value(model, _OPTIMIZER, values))
        if name == _RATE and optimizer in defaults.rates:
            return defaults.rates[optimizer]
        return float(defaults.values[name] or 0)


def _in_order(names: Mapping[str, Distribution]) -> list[str]:
    """The names, of which the optimiser comes before the rate that depends on it."""
    return sorted(names, key=lambda name: name != _OPTIMIZER)


@cache
def _is_ordered(one: Distribution) -> bool:
    if one.kind != "choice":
        return True
    return all(
        choice is None or (isinstance(choice, (int, float)) and not isinstance(choice, bool)) for choice in one.choices
    )


@cache
def _sorted(one: Distribution) -> Distribution:
    """A choice of numbers in their order, unset first."""
    if one.kind != "choice":
        return one
    return replace(one, choices=tuple(sorted(one.choices, key=lambda choice: (choice is not None, choice or 0))))


def _number(one: Distribution, unit: float, base: float | None) -> Scalar | None:
    value = one.value(unit)
    if base is not None and isinstance(value, (int, float)):
        value = value * base
    if isinstance(value, float) and one.kind != "choice" and one.step is None:
        value = float(f"{value:.{DIGITS}g}")
        if base is None and one.kind in ("uniform", "loguniform"):
            value = min(max(value, one.low), one.high)
    return value


def _within(one: Distribution, value: Scalar | None) -> Scalar | None:
    """The value, or the end of the range next to it where rounding has led beyond."""
    if one.kind not in ("uniform", "loguniform") or not isinstance(value, (int, float)):
        return value
    nearest = min(max(value, one.low), one.high)
    return nearest if abs(nearest - value) <= _ROUNDING * abs(nearest) else value


def _nearest(one: Distribution, value: Scalar | None, base: float | None) -> Scalar | None:
    """The value of a distribution that is next to one."""
    if one.kind == "choice":
        if any(_typed(choice) == _typed(value) for choice in one.choices):
            return value
        numbers = [choice for choice in one.choices if isinstance(choice, (int, float))]
        if not numbers or not isinstance(value, (int, float)):
            return one.choices[0]
        return min(numbers, key=lambda choice: abs(choice - value))
    if not isinstance(value, (int, float)):
        return one.value(MIDDLE)
    if base is not None:
        return base * min(max(1.0, one.low), one.high)
    unit = one.unit(value)
    if unit is None:
        return one.value(0.0 if value < one.low else 1.0)
    return value if one.step is None and not one.is_integer else one.value(unit)


def _typed(value: Scalar | None) -> tuple[bool, Scalar | None]:
    """A value that is equal to another only if it is true or false where that one is: 1 and True are two."""
    return isinstance(value, bool), value
