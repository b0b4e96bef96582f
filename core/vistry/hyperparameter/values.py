"""Reading one value: what is accepted for each type, and the rule in words when it isn't."""

from __future__ import annotations

import math
import re
from typing import Any

from vistry.registry.manifest import FieldSpec, Scalar

_TRUE = {"1", "true", "t", "yes", "y", "on"}
_FALSE = {"0", "false", "f", "no", "n", "off"}
_UNSET = {"none", "null", ""}


def _number(value: Any) -> float | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        try:
            value = int(value) if re.fullmatch(r"\s*[+-]?\d+\s*", value) else float(value)
        except ValueError:
            return None
    if not isinstance(value, (int, float)) or (isinstance(value, float) and not math.isfinite(value)):
        return None
    return value


def _in_range(value: float, spec: FieldSpec) -> bool:
    return (
        (spec.minimum is None or value >= spec.minimum)
        and (spec.maximum is None or value <= spec.maximum)
        and (spec.below is None or value < spec.below)
        and (spec.above is None or value > spec.above)
    )


def _as_choice(value: Any, choices: tuple[Scalar, ...]) -> Scalar | None:
    for choice in choices:
        if isinstance(choice, str):
            if isinstance(value, str) and value.strip().casefold() == choice.casefold():
                return choice
        elif (number := _number(value)) is not None and number == choice:
            return choice
    return None


def _as_flag(value: Any) -> bool | None:
    if isinstance(value, (bool, int, float)):
        return bool(value) if value in (0, 1) else None
    word = value.strip().casefold() if isinstance(value, str) else None
    return True if word in _TRUE else False if word in _FALSE else None


def parse(value: Any, spec: FieldSpec) -> Scalar | None:
    """The value in the field's own type; None leaves a field without a default unset.

    Accepts what a flag, a file or a caller may hold: "15" and 15.0 for 15, true and "1" for a flag.
    Raises ValueError with the field's rule.
    """
    unset = value is None or (isinstance(value, str) and value.strip().casefold() in _UNSET)
    if unset and spec.default is None and not spec.default_for:
        return None
    parsed: Scalar | None = None
    if spec.type == "flag":
        parsed = _as_flag(value)
    elif spec.type == "choice":
        parsed = _as_choice(value, spec.choices or ())
    elif spec.type == "string":
        text = str(value).strip() if isinstance(value, (str, int)) and not isinstance(value, bool) else ""
        parsed = text if text and re.match(spec.pattern or "", text) else None
    elif (number := _number(value)) is not None and _in_range(number, spec):
        if spec.type == "number":
            parsed = float(number)
        elif number == int(number):
            parsed = int(number)
    if parsed is None:
        raise ValueError(f"must be {rule(spec)}")
    return parsed


def rule(spec: FieldSpec) -> str:
    """The field's rule in words: `a number in [0, 1]`."""
    if spec.type == "flag":
        return "0 or 1"
    if spec.type == "choice":
        choices = [str(choice) for choice in spec.choices or ()]
        return " or ".join([", ".join(choices[:-1]), choices[-1]] if len(choices) > 1 else choices)
    if spec.type == "string":
        return "text in the form '3x2'" if spec.pattern else "text"
    noun = "an integer" if spec.type == "integer" else "a number"
    low = spec.minimum if spec.minimum is not None else spec.above
    high = spec.maximum if spec.maximum is not None else spec.below
    if low is not None and high is not None:
        left, right = "[" if spec.minimum is not None else "(", "]" if spec.maximum is not None else ")"
        return f"{noun} in {left}{low:g}, {high:g}{right}"
    if spec.minimum is not None:
        return f"{noun} of at least {spec.minimum:g}"
    if spec.above is not None:
        return f"{noun} above {spec.above:g}"
    if high is not None:
        return f"{noun} of at most {high:g}" if spec.maximum is not None else f"{noun} below {high:g}"
    return noun


def shown(value: Scalar | None) -> str:
    """The value as a person writes it on the command line."""
    if value is None:
        return "unset"
    if isinstance(value, bool):
        return str(int(value))
    return f"{value:g}" if isinstance(value, float) else str(value)
