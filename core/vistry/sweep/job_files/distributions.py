"""What a job file says of one hyperparameter: a constant, or a distribution in the product's words.

`loguniform` and `lognormal` have their numbers in logarithms, natural ones unless the sampler says another base;
`randint` draws from 0 to upper - 1; a `q` means multiples of it, of which those inside the range are taken.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

from vistry.errors import suggestion
from vistry.registry.field_spec import FieldSpec, Scalar
from vistry.sweep.distribution import Distribution
from vistry.sweep.job_files.constants import KEYS, NORMAL, RANGE, constant_of, example, kind_of, takes
from vistry.sweep.job_files.document import Node, Remarks, refuse_unknown, shown
from vistry.sweep.job_files.scalars import number, whole

MOST_VALUES = 10_000  # of a range of whole numbers that are looked at one by one
# The forms of a whole number: a range between two of them isn't one of whole numbers.
_NOT_FOR_INTEGERS = ("uniform", "normal")


def distribution_of(node: Node, spec: FieldSpec, remarks: Remarks, log_base: float = 1.0) -> Distribution | None:
    """What a value of the search space is drawn from, in the hyperparameter's own units; None where it is refused.

    `spec` is the hyperparameter whatever the model; its range is checked. `log_base` is the base's natural logarithm.
    """
    if not isinstance(node.value, dict):
        constant = constant_of(node, spec, remarks)
        return None if constant is None else Distribution(kind="choice", choices=(constant.value,))
    name = node.text("type")
    if name is None or name not in KEYS:
        place = node.get("type") or node
        got = "no type" if place is node else shown(place.value)
        remarks.refuse(place, f"must be a distribution, got {got}", suggestion(name or "", list(KEYS)))
        return None
    refuse_unknown(node, ("type", *KEYS[name]), remarks, instead=_instead(name))
    missing = [key for key in KEYS[name] if node.get(key) is None]
    if missing:
        remarks.refuse(node, f"{name} needs {' and '.join(missing)}", example(name))
        return None
    if name == "choice":
        return _choice(node, spec, remarks)
    if kind_of(spec) == "word":
        remarks.refuse(node, f"{name} draws numbers, and this must be {spec.rule}", "write a choice")
        return None
    if kind_of(spec) == "integer" and name in _NOT_FOR_INTEGERS:
        remedy = f"write q{name} with q: 1, {'randint ' if name == 'uniform' else ''}or choice"
        remarks.refuse(node, f"{name} draws fractions, and this must be {spec.rule}", remedy)
        return None
    drawn = _DRAWN[name.removeprefix("q")](node, spec, remarks, log_base=log_base)
    if drawn is None:
        return None
    drawn = _with_step(node, drawn, spec, remarks=remarks)
    return None if drawn is None else _in_range(node, drawn, spec, remarks=remarks)


def _choice(node: Node, spec: FieldSpec, remarks: Remarks) -> Distribution | None:
    values = node.get("values")
    assert values is not None
    if not isinstance(values.value, list) or not values.value:
        remarks.refuse(values, f"must be a list of at least one value, got {shown(values.value)}", example("choice"))
        return None
    choices: dict[tuple[type, Scalar | None], Scalar | None] = {}  # true and 1 are two
    is_whole = True
    for item in values.items():
        constant = None
        if isinstance(item.value, str) and kind_of(spec) == "integer":
            remarks.refuse(item, f"{shown(item.value)} is text, and must be {spec.rule}", "write it without quotes")
        else:
            constant = constant_of(item, spec, remarks)
        if constant is None:
            is_whole = False
            continue
        key = type(constant.value), constant.value
        if key in choices:
            remarks.say(item, f"{shown(item.value)} stands there twice, and counts once")
        choices[key] = constant.value
    return Distribution(kind="choice", choices=tuple(choices.values())) if is_whole else None


def _randint(node: Node, spec: FieldSpec, remarks: Remarks, log_base: float) -> Distribution | None:  # noqa: ARG001
    upper = whole(node.get("upper"), remarks, 1)
    return None if upper is None else Distribution(kind="uniform", low=0.0, high=float(upper - 1), step=1)


def _uniform(node: Node, spec: FieldSpec, remarks: Remarks, log_base: float) -> Distribution | None:  # noqa: ARG001
    low, high = (number(node.get(key), remarks) for key in RANGE)
    if low is None or high is None or not _is_ordered(node, low, high, remarks=remarks):
        return None
    return Distribution(kind="uniform", low=low, high=high)


def _loguniform(node: Node, spec: FieldSpec, remarks: Remarks, log_base: float) -> Distribution | None:
    low, high = (number(node.get(key), remarks) for key in RANGE)
    if low is None or high is None or not _is_ordered(node, low, high, remarks=remarks):
        return None
    first, last = _exp(low * log_base), _exp(high * log_base)
    if first > 0 and last < math.inf and takes(spec, _rounded(first, spec)) and takes(spec, _rounded(last, spec)):
        remarks.say(node, f"its range is {first:.4g} to {last:.4g}, the exponentials of what is written")
        return Distribution(kind="loguniform", low=first, high=last)
    message = f"would draw from {first:.4g} to {last:.4g}, the exponentials of what is written, and must be {spec.rule}"
    logs = [math.log(value) / log_base for value in (low, high) if value > 0]
    meant = f"write the logarithms: min_value: {logs[0]:.4f}, max_value: {logs[-1]:.4f}" if len(logs) == 2 else ""
    remarks.refuse(node, message, meant or "write the logarithms of the values that are meant")
    return None


def _normal(node: Node, spec: FieldSpec, remarks: Remarks, log_base: float) -> Distribution | None:  # noqa: ARG001
    return _with_moments(node, "normal", 1.0, remarks=remarks)


def _lognormal(node: Node, spec: FieldSpec, remarks: Remarks, log_base: float) -> Distribution | None:  # noqa: ARG001
    return _with_moments(node, "lognormal", log_base, remarks=remarks)


def _with_moments(node: Node, kind: str, factor: float, remarks: Remarks) -> Distribution | None:
    mean, deviation = (number(node.get(key), remarks) for key in NORMAL)
    if mean is None or deviation is None:
        return None
    if deviation <= 0:
        remarks.refuse(node.get("sigma") or node, f"must be above 0, got {deviation:g}")
        return None
    return Distribution(kind=kind, mean=mean * factor, deviation=deviation * factor)


_DRAWN: dict[str, Callable[..., Distribution | None]] = {
    "randint": _randint,
    "uniform": _uniform,
    "loguniform": _loguniform,
    "normal": _normal,
    "lognormal": _lognormal,
}


def _is_ordered(node: Node, low: float, high: float, remarks: Remarks) -> bool:
    if low <= high:
        return True
    place = node.get("min_value") or node
    remarks.refuse(place, f"min_value is {low:g}, above max_value, {high:g}", "exchange the two")
    return False


def _with_step(node: Node, drawn: Distribution, spec: FieldSpec, remarks: Remarks) -> Distribution | None:
    """The distribution with what its values are multiples of."""
    whole_numbers = kind_of(spec) == "integer"
    q = node.get("q")
    if q is None:
        return replace(drawn, is_integer=whole_numbers)
    step = whole(q, remarks, 1) if whole_numbers else number(q, remarks, "a number above 0")
    if step is None:
        return None
    if step <= 0:
        remarks.refuse(q, f"must be a number above 0, got {shown(q.value)}")
        return None
    return replace(drawn, is_integer=whole_numbers, step=step)


def _in_range(node: Node, drawn: Distribution, spec: FieldSpec, remarks: Remarks) -> Distribution | None:
    """The distribution, where every value that it can draw is in the hyperparameter's range."""
    try:
        return _checked(node, drawn, spec, remarks=remarks)
    except OverflowError:  # of exp(), or of a range over a tiny step
        remarks.refuse(node, f"draws numbers that are too large, and must be {spec.rule}", "narrow it")
        return None


def _checked(node: Node, drawn: Distribution, spec: FieldSpec, remarks: Remarks) -> Distribution | None:
    if drawn.kind in ("uniform", "loguniform"):
        step = drawn.step or (1 if drawn.is_integer else None)
        first, last = _ends(drawn)
        if step is not None and first > last:
            remarks.refuse(node, f"no multiple of {step:g} lies between {drawn.low:g} and {drawn.high:g}")
            return None
        if drawn.step is not None and (first, last) != (drawn.low, drawn.high):
            remarks.say(node, f"draws {first:g} to {last:g}, the multiples of {drawn.step:g} inside its range")
        if spec.maximum_from == "freeze" and first == 0:
            return _with_unset(node, drawn, remarks)
    ends = drawn.ends()
    wrong = [end for end in ends if not takes(spec, end)]
    if not wrong and (spec.type != "choice" or all(takes(spec, one) for one in values_of(drawn) or ())):
        return drawn
    told = " (all but two of a million)" if drawn.kind in ("normal", "lognormal") else ""
    message = f"draws from {_short(ends[0])} to {_short(ends[1])}{told}, and must be {spec.rule}"
    remarks.refuse(node, message, "write a choice of those that are meant" if drawn.is_integer else "narrow it")
    return None


def _with_unset(node: Node, drawn: Distribution, remarks: Remarks) -> Distribution | None:
    """The same values with unset in the place of 0."""
    values = values_of(drawn)
    if values is None:
        remarks.refuse(node, "has too many values", "write a choice")
        return None
    remarks.say(node, "0 leaves it unset, as in the product")
    return Distribution(kind="choice", choices=tuple(value or None for value in values))


def values_of(drawn: Distribution) -> tuple[Scalar | None, ...] | None:
    """Every value that can be drawn; None where there is no end of them, or too many."""
    if drawn.kind == "choice":
        return drawn.choices
    step = drawn.step or (1 if drawn.is_integer else None)
    if step is None or drawn.kind not in ("uniform", "loguniform") or (drawn.high - drawn.low) / step > MOST_VALUES:
        return None
    return drawn.grid()


def _ends(drawn: Distribution) -> tuple[float, float]:
    """The lowest and the highest value; they cross where there is none."""
    step = drawn.step or (1 if drawn.is_integer else None)
    if step is None:
        return drawn.low, drawn.high
    return math.ceil(drawn.low / step - 1e-9) * step, math.floor(drawn.high / step + 1e-9) * step


def _typed(value: float, drawn: Distribution) -> Scalar:
    return round(value) if drawn.is_integer else value


def _rounded(value: float, spec: FieldSpec) -> Scalar:
    """An end of a range as far as whole numbers allow, which are checked when their step is known."""
    return max(round(value), 1) if kind_of(spec) == "integer" else value


def _exp(value: float) -> float:
    try:
        return math.exp(value)
    except OverflowError:  # of exp(), or of a range over a tiny step
        return math.inf


def _short(value: Scalar | None) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _instead(name: str) -> dict[str, str]:
    keys = {"lower": "randint begins at 0; for another beginning write quniform with q: 1"} if name == "randint" else {}
    swapped = {"min": "min_value", "max": "max_value", "low": "min_value", "high": "max_value"}
    others = {"mean": "mu", "std": "sigma", "options": "values", "value": "values", "lower": "min_value"}
    return {
        **{key: f"write {ours}" for key, ours in (swapped | others).items() if ours in KEYS[name]},
        **({"upper": "write max_value"} if "max_value" in KEYS[name] else {}),
        **keys,
    }
