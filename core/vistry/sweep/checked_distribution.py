"""A distribution that was asked for, checked against the hyperparameter of one model and made to fit its type."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from vistry.errors import HyperparameterError, Problem
from vistry.hyperparameter.schema import Schema, Source
from vistry.registry.field_spec import FieldSpec, Scalar, to_json
from vistry.sweep.distribution import Distribution

KINDS = ("choice", "uniform", "loguniform", "normal", "lognormal")
_RANGES = ("uniform", "loguniform")

Checked = tuple[Distribution | None, Sequence[Problem]]


def checked_distribution(one: Distribution, schema: Schema, name: str, *, where: str) -> Checked:
    """The distribution in the hyperparameter's own type, or None and what is wrong with it, all at once."""
    check = _Check(schema, name, where=where)
    if one.kind not in KINDS:
        return None, [check.problem(f"'{one.kind}' is no kind of distribution", f"known: {', '.join(KINDS)}")]
    result = check.choice(one.choices) if one.kind == "choice" else check.numbers(one)
    return (None if check.problems else result), check.problems


class _Check:
    """The check of one distribution; `problems` are what is wrong with it."""

    def __init__(self, schema: Schema, name: str, *, where: str):
        self.problems: list[Problem] = []
        self._schema, self._name, self._where = schema, name, where

    def problem(self, message: str, remedy: str = "") -> Problem:
        """A problem of this hyperparameter."""
        return Problem(self._name, f"from {self._where}: {message}", remedy)

    @property
    def _spec(self) -> FieldSpec:
        return self._schema.fields[self._name].spec

    def choice(self, choices: Sequence[Scalar | None]) -> Distribution | None:
        """A choice of values, in the field's own type and each once."""
        if not choices:
            self.problems.append(self.problem("there is nothing to choose from", "give values"))
        values: list[Scalar | None] = []
        for choice in choices:
            if self._is_valid(choice):
                value = self._parsed(choice)
                if not any(type(other) is type(value) and other == value for other in values):
                    values.append(value)
        return Distribution(kind="choice", choices=tuple(values))

    def numbers(self, one: Distribution) -> Distribution | None:
        """A distribution of numbers, of which even the farthest are in range."""
        if self._spec.type not in ("integer", "number"):
            return self._choices_within(one)
        if not self._has_width(one):
            return None
        if self._spec.maximum_from == "freeze" and one.kind == "uniform" and one.low == 0:
            return self.choice((None, *range(1, math.floor(one.high) + 1)))  # no layers is written as 0
        if self._spec.type == "integer":
            one = self._whole(one)
        if not one.is_relative and not self.problems:
            for end in dict.fromkeys(one.ends()):
                self._is_valid(end)
        return one

    def _whole(self, one: Distribution) -> Distribution:
        """A distribution of whole numbers, which are multiples of what the field's have to be."""
        of = self._spec.multiple_of
        step = one.step or of
        if of and step and step % of:
            message = f"draws multiples of {step:g}, of which not all are multiples of {of}"
            self.problems.append(self.problem(message, f"it must be {self._spec.rule}"))
        one = replace(one, is_integer=True, step=step)
        if one.kind in _RANGES:
            unit = step or 1
            if math.ceil(one.low / unit - 1e-9) > math.floor(one.high / unit + 1e-9):
                message = f"there is no multiple of {unit:g} from {one.low:g} to {one.high:g}"
                self.problems.append(self.problem(message, "widen the range"))
        return one

    def _has_width(self, one: Distribution) -> bool:
        problem = None
        if one.kind in _RANGES and not one.low <= one.high:
            problem = self.problem(f"the range goes from {one.low:g} to {one.high:g}", "give the lower end first")
        elif one.kind == "loguniform" and one.low <= 0:
            problem = self.problem(f"a log scale can't begin at {one.low:g}", "begin above 0, such as at 1e-6")
        elif one.kind in ("normal", "lognormal") and not one.deviation > 0:
            problem = self.problem(f"the deviation is {one.deviation:g}", "it must be above 0")
        elif one.step is not None and not one.step > 0:
            problem = self.problem(f"the step is {one.step:g}", "it must be above 0")
        self.problems += [problem] if problem else []
        return problem is None

    def _choices_within(self, one: Distribution) -> Distribution | None:
        """Those of the field's choices that are numbers in a range."""
        numbers = [choice for choice in self._spec.choices or () if type(choice) in (int, float)]
        inside = tuple(number for number in numbers if one.kind in _RANGES and one.low <= float(number) <= one.high)
        if not inside:
            self.problems.append(self.problem("no range is possible", f"it must be {self._spec.rule}: write a,b"))
        return Distribution(kind="choice", choices=inside)

    def _is_valid(self, value: Scalar | None) -> bool:
        """Whether the model's hyperparameter may have a value; else there is a problem more."""
        if self._means_no_layers(value):
            return True
        try:
            self._schema.checked(Source.of({self._name: value}, self._where))
        except HyperparameterError as error:
            self.problems += [self._with_range_rule(problem, value) for problem in error.problems]
            return False
        return True

    def _parsed(self, value: Scalar | None) -> Scalar | None:
        return None if self._means_no_layers(value) else to_json(self._spec.parse(value))

    def _means_no_layers(self, value: Scalar | None) -> bool:
        """Whether it is the 0 by which no layer is frozen, which is unset."""
        return self._spec.maximum_from == "freeze" and str(value).strip() == "0"

    def _with_range_rule(self, problem: Problem, value: Scalar | None) -> Problem:
        """The problem, which for a range that couldn't be read says how one is written."""
        if not isinstance(value, str) or ".." not in value or problem.remedy:
            return problem
        if self._spec.type in ("integer", "number"):
            return replace(problem, remedy="its table has no such end: write both, as LOW..HIGH")
        return replace(problem, remedy="name the values, as a,b")
