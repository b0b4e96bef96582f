"""What a hyperparameter is: its type, its range, its default, and how a value of it is read."""

from __future__ import annotations

import math
import os
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from numbers import Integral, Real
from typing import Annotated, Any, Literal

from vistry.registry.tasks import TASK_NAMES
from vistry.registry.tile_grid import PATTERN, TileGrid
from vistry.registry.typed_toml import one_of

Scalar = bool | int | float | str  # what TOML, YAML and JSON can hold
Value = Scalar | TileGrid
Number = int | float
TaskKey = Annotated[str, one_of(TASK_NAMES, "task")]

_TRUE = {"1", "true", "t", "yes", "y", "on"}
_FALSE = {"0", "false", "f", "no", "n", "off"}
# How "no value" is written where there is no null, as on a command line.
_UNSET = {"none", "null", ""}
_BOUNDS = ("minimum", "maximum", "below", "above")


@dataclass(frozen=True, kw_only=True)
class FieldSpec:
    """A hyperparameter. `minimum` and `maximum` belong to the range, `above` and `below` don't.

    `flag` is 0 or 1 (true and false are accepted), `grid` a number of tiles across and down. A field with no default is
    unset until the user sets it, and `unset_means` says what then happens. `example` shows the form of a text that has
    a `pattern`. One with `at_prediction` may be changed for a trained model; `unit` = "pixels" marks a size of the
    network's input. With `maximum_from` = "freeze" no value is above the number of groups that the model can freeze,
    with `choices_from` the choices are the names of the optimisers or the schedules there are. `search` is the lowest
    and the highest value that a sweep tries where it isn't told.
    """

    type: Literal["integer", "number", "flag", "choice", "string", "grid"]
    description: str
    default: Scalar | None = None
    minimum: Number | None = None
    maximum: Number | None = None
    below: Number | None = None
    above: Number | None = None
    multiple_of: int | None = None
    choices: tuple[Scalar, ...] | None = None
    choices_from: Literal["", "optimizers", "schedules"] = ""
    pattern: str | None = None
    example: str = ""
    log_scale: bool = False
    search: tuple[Number, Number] | None = None
    unset_means: str = ""
    at_prediction: bool = False
    unit: Literal["", "pixels"] = ""
    maximum_from: Literal["", "freeze"] = ""
    tasks: tuple[TaskKey, ...] = TASK_NAMES
    default_for: dict[TaskKey, Scalar] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _check_keys_of_type(self)
        _check_search(self)
        for name, value in (("default", self.default), *self.default_for.items()):
            if value is not None:
                _check_default(self, name, value)

    @property
    def has_default(self) -> bool:
        """Whether the field has a value when nobody sets it."""
        return self.default is not None or bool(self.default_for)

    def defaults(self) -> dict[str, Scalar | None]:
        """The default for each task that has the field."""
        return {task: self.default_for.get(task, self.default) for task in self.tasks}

    @property
    def rule(self) -> str:
        """What a value must be, in words: `a number in [0, 1]`."""
        if self.type == "flag":
            return "0 or 1"
        if self.type == "choice":
            return _listed([str(choice) for choice in self.choices or ()])
        if self.type == "grid":
            return "a grid of at least two tiles such as '3x2'"
        if self.type == "string":
            return f"text such as '{self.example}'" if self.example else "text"
        return _range(self)

    def parse(self, value: object) -> Value | None:
        """The value in the field's own type; None for a field that has no default and stays unset.

        Takes what a flag, a file or a caller may hold: "15" and 15.0 for 15, true and "1" for a flag.
        Raises ValueError with the rule.
        """
        if not self.has_default and _is_unset(value):
            return None
        parsed: Value | None = _READERS[self.type](value, self)
        if parsed is None:
            raise ValueError(f"must be {self.rule}")
        return parsed

    def from_json(self, value: Any) -> Value | None:
        """A value as JSON holds it, in the field's own type, whatever the range was when it was written."""
        return TileGrid.parse(value) if self.type == "grid" and isinstance(value, str) else value

    @property
    def text_pattern(self) -> str | None:
        """The regular expression that the whole of a text must match, if there is one."""
        return PATTERN if self.type == "grid" else self.pattern


def to_json(value: Value | None) -> Scalar | None:
    """A value as JSON holds it."""
    return str(value) if isinstance(value, TileGrid) else value


@dataclass(frozen=True, kw_only=True)
class Restriction:
    """A narrower range than the shared table's, and why the family needs it."""

    reason: str
    minimum: Number | None = None
    maximum: Number | None = None
    multiple_of: int | None = None
    choices: tuple[Scalar, ...] | None = None
    search: tuple[Number, Number] | None = None

    def __post_init__(self) -> None:
        _check_multiple(self.multiple_of)
        if self.search and self.choices is not None:
            raise ValueError("'search' belongs to a range, and 'choices' takes the place of one")
        bounds = {key: getattr(self, key) for key in ("minimum", "maximum", "multiple_of", "search")}
        _check_search(FieldSpec(type="integer" if self.multiple_of else "number", description="", **bounds))


class _Narrowed(FieldSpec):
    """A field with a narrower range, which its own default may lie outside of until another is laid over it."""

    def __post_init__(self) -> None:
        pass


def narrowed(spec: FieldSpec, restriction: Restriction) -> FieldSpec:
    """The field with a narrower range."""
    changes: dict[str, Any] = {
        key: bound
        for key in ("minimum", "maximum", "multiple_of", "search")
        if (bound := getattr(restriction, key)) is not None
    }
    if restriction.choices is not None:
        bounds = dict.fromkeys((*_BOUNDS, "multiple_of", "search"))
        changes = {**bounds, "type": "choice", "choices": restriction.choices, "log_scale": False}
    result = _Narrowed(**{**vars(spec), **changes})
    return result if restriction.search else _with_possible_search(result)


def _with_possible_search(spec: FieldSpec) -> FieldSpec:
    """The field with as much of what a sweep would try as its range has."""
    if not search_problem(spec) or spec.search is None:
        return spec
    low = max([end for end in (spec.search[0], spec.minimum) if end is not None])
    high = min([end for end in (spec.search[1], spec.maximum) if end is not None])
    possible = replace(spec, search=(low, high))
    return replace(spec, search=None) if search_problem(possible) else possible


def narrowed_further(spec: FieldSpec, restriction: Restriction) -> FieldSpec | None:
    """The field with what its own range and the restriction have in common; None where that is nothing."""
    if restriction.choices is not None:
        allowed = tuple(choice for choice in restriction.choices if _may_be(choice, spec))
        return narrowed(spec, replace(restriction, choices=allowed)) if allowed else None
    low = [bound for bound in (spec.minimum, restriction.minimum) if bound is not None]
    high = [bound for bound in (spec.maximum, restriction.maximum) if bound is not None]
    bounds = replace(restriction, minimum=max(low, default=None), maximum=min(high, default=None))
    if not spec.choices:
        result = narrowed(spec, bounds)
        return None if _is_empty(result) else result
    numbers = [choice for choice in spec.choices if isinstance(choice, (int, float))]
    lost = [number for number in numbers if not _in_range(number, narrowed(spec, bounds))]
    allowed = tuple(choice for choice in spec.choices if choice not in lost)
    return narrowed(spec, Restriction(reason=restriction.reason, choices=allowed)) if allowed else None


def _is_empty(spec: FieldSpec) -> bool:
    """Whether no number is in the range."""
    minimum, above = (-math.inf if bound is None else bound for bound in (spec.minimum, spec.above))
    maximum, below = (math.inf if bound is None else bound for bound in (spec.maximum, spec.below))
    return minimum > maximum or minimum >= below or above >= maximum or above >= below


def nearest(spec: FieldSpec, value: Value) -> Value:
    """The allowed value that is nearest to one that isn't; of choices that aren't numbers, the first."""
    if not isinstance(value, (int, float)):
        return spec.choices[0] if spec.choices else value
    if spec.choices:
        numbers = [choice for choice in spec.choices if isinstance(choice, (int, float))]
        return min(numbers, key=lambda choice: abs(choice - value), default=spec.choices[0])
    if spec.minimum is not None and value < spec.minimum:
        return spec.minimum
    return spec.maximum if spec.maximum is not None and value > spec.maximum else value


def _may_be(value: Scalar, spec: FieldSpec) -> bool:
    return _READERS[spec.type](value, spec) is not None


def _check_keys_of_type(spec: FieldSpec) -> None:
    if (spec.type == "choice") != bool(spec.choices or spec.choices_from):
        raise ValueError("'choices' belongs to type = \"choice\", which needs at least one, and only there")
    if spec.type not in ("integer", "number"):
        for key in (*_BOUNDS, "log_scale"):
            if getattr(spec, key) is not (False if key == "log_scale" else None):
                raise ValueError(f'\'{key}\' belongs to type = "integer" or "number"')
    for key in ("maximum_from", "multiple_of"):
        if getattr(spec, key) and spec.type != "integer":
            raise ValueError(f"'{key}' belongs to type = \"integer\"")
    if spec.search and spec.type not in ("integer", "number"):
        raise ValueError('\'search\' belongs to type = "integer" or "number"')
    _check_multiple(spec.multiple_of)
    if spec.pattern is not None and not spec.example:
        raise ValueError("'pattern' needs an 'example' of a text that matches, for error messages")


def _check_multiple(of: int | None) -> None:
    if of is not None and of < 1:
        raise ValueError("'multiple_of' must be at least 1")


def search_problem(spec: FieldSpec) -> str:
    """What is wrong with the range that a sweep would try, "" where nothing is."""
    if spec.search is None:
        return ""
    low, high = spec.search
    if low >= high:
        return f"'search' goes from {low} to {high}; the first must be lower"
    if spec.log_scale and low <= 0:
        return f"'search' begins at {low}, and a log scale has only numbers above 0"
    outside = [end for end in (low, high) if _READERS[spec.type](end, spec) is None]
    return f"'search' goes to {outside[0]}, which breaks the range: it must be {spec.rule}" if outside else ""


def _check_search(spec: FieldSpec) -> None:
    if problem := search_problem(spec):
        raise ValueError(problem)


def _check_default(spec: FieldSpec, name: str, value: Scalar) -> None:
    if name != "default" and name not in spec.tasks:
        raise ValueError(f"'default_for.{name}' is set, and 'tasks' doesn't name {name}")
    if spec.choices_from and not spec.choices:
        return  # the names on offer aren't known yet
    if _READERS[spec.type](value, spec) is None:
        raise ValueError(f"the default {value!r} breaks its own rule: it must be {spec.rule}")


def _is_unset(value: object) -> bool:
    return value is None or (isinstance(value, str) and value.strip().casefold() in _UNSET)


def _listed(words: list[str]) -> str:
    return " or ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else words[0]


def _range(spec: FieldSpec) -> str:
    """The range of a number in words, and what an integer must be a multiple of."""
    return _interval(spec) + (f", a multiple of {spec.multiple_of}" if spec.multiple_of else "")


def _interval(spec: FieldSpec) -> str:
    noun = "an integer" if spec.type == "integer" else "a number"
    low = spec.minimum if spec.minimum is not None else spec.above
    high = spec.maximum if spec.maximum is not None else spec.below
    if low is not None and high is not None:
        left, right = "(" if spec.minimum is None else "[", ")" if spec.maximum is None else "]"
        return f"{noun} in {left}{low}, {high}{right}"
    if low is not None:
        return f"{noun} above {low}" if spec.minimum is None else f"{noun} of at least {low}"
    if high is not None:
        return f"{noun} below {high}" if spec.maximum is None else f"{noun} of at most {high}"
    return noun


def _number(value: object) -> Number | None:
    if isinstance(value, str):
        value = _number_in(value)
    if isinstance(value, bool) or not isinstance(value, Real):
        return None
    if isinstance(value, Integral):
        return int(value)
    return float(value) if math.isfinite(value) else None


def _number_in(text: str) -> Number | None:
    if not re.fullmatch(r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*", text, re.ASCII):
        return None
    return int(text) if re.fullmatch(r"\s*[+-]?\d{1,400}\s*", text, re.ASCII) else float(text)


def _in_range(value: Number, spec: FieldSpec) -> bool:
    return (
        (spec.minimum is None or value >= spec.minimum)
        and (spec.maximum is None or value <= spec.maximum)
        and (spec.below is None or value < spec.below)
        and (spec.above is None or value > spec.above)
        and (spec.multiple_of is None or value % spec.multiple_of == 0)
    )


def _as_number(value: object, spec: FieldSpec) -> float | None:
    number = _number(value)
    if number is None or abs(number) > sys.float_info.max or not _in_range(number, spec):
        return None
    return float(number)


def _as_integer(value: object, spec: FieldSpec) -> int | None:
    number = _number(value)
    if number is None or not _in_range(number, spec) or number != int(number):
        return None
    return int(number)


def _as_flag(value: object, _: FieldSpec) -> bool | None:
    if isinstance(value, str):
        word = value.strip().casefold()
        return True if word in _TRUE else False if word in _FALSE else None
    return bool(value) if isinstance(value, Real) and value in (0, 1) else None


def _as_choice(value: object, spec: FieldSpec) -> Scalar | None:
    word = value.strip().casefold() if isinstance(value, str) else None
    for choice in spec.choices or ():
        if isinstance(choice, str):
            if word == choice.casefold():
                return choice
        elif _number(value) == choice:
            return choice
    return None


def _as_text(value: object, spec: FieldSpec) -> str | None:
    if isinstance(value, bool) or not isinstance(value, (str, int, os.PathLike)):
        return None
    text = str(value).strip()
    return text if text and re.fullmatch(spec.pattern or ".*", text, re.DOTALL) else None


def _as_grid(value: object, _: FieldSpec) -> TileGrid | None:
    if isinstance(value, TileGrid):
        return value
    try:
        return TileGrid.parse(value) if isinstance(value, str) else None
    except ValueError:
        return None


_READERS: dict[str, Callable[[Any, FieldSpec], Value | None]] = {
    "grid": _as_grid,
    "flag": _as_flag,
    "choice": _as_choice,
    "string": _as_text,
    "integer": _as_integer,
    "number": _as_number,
}
