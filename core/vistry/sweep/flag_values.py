"""Flags of a sweep: `--optimizer sgd,adamw --learning_rate 0.001..0.1 --number_of_epochs 15`."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

from vistry.errors import RegistryError
from vistry.hyperparameter.fields import Field
from vistry.hyperparameter.schema import Source, schema_of
from vistry.registry.catalogue import Catalogue
from vistry.registry.field_spec import FieldSpec, Number
from vistry.sweep.distribution import Distribution
from vistry.sweep.request import GroupRequest

RANGE = ".."
BELOW_DEFAULT = 100  # a log scale that has no lowest number begins at this part of the default


def requests_of_flags(
    texts: Mapping[str, str], models: Sequence[str], *, catalogue: Catalogue, task: str
) -> tuple[tuple[GroupRequest, ...], tuple[Source, ...]]:
    """What the flags of a sweep ask for: a group a model, and the values that all trials have.

    Args:
        texts: what is given for each hyperparameter: values with commas, a range with two dots, or one value.
        models: the names of the models; none for the task's default.
        catalogue: what is installed.
        task: the task's full name.

    What can't be read, and what no model has, stays as it is: `space_of` says what is wrong with it.
    """
    searched = {name: text for name, text in texts.items() if is_searched(text)}
    fixed = {name: text for name, text in texts.items() if name not in searched}
    fields = {model: _fields_of(model, catalogue, task) for model in models or ("",)}
    lacking = {name for name in searched if not any(name in own for own in fields.values())}
    groups = tuple(
        GroupRequest(
            models=(model,) if model else (),
            parameters={
                name: distribution_of(text, own.get(name))
                for name, text in searched.items()
                if name in own or name in lacking
            },
            where={name: f"--{name}" for name in searched},
        )
        for model, own in fields.items()
    )
    return groups, (Source(fixed, lambda name: f"--{name}"),) if fixed else ()


def is_searched(text: str) -> bool:
    """Whether the text of a flag stands for more than one value; a path that goes up is one value."""
    return "," in text or _range_ends(text) is not None


def distribution_of(text: str, field: Field | None) -> Distribution:
    """What the text of a flag stands for, by the hyperparameter's own type, range and scale.

    `a,b,c` is a choice, `low..high` a range with both ends, on a log scale where the table has one. An end that is left
    out is the table's own; `..` alone is what the table says is worth searching, else the whole range, or every choice.
    A text that can't be read so is a choice of itself.
    """
    as_it_is = Distribution(kind="choice", choices=tuple(part.strip() for part in text.split(",")))
    ends = _range_ends(text)
    if field is None or ends is None or field.spec.type in ("string", "grid"):
        return as_it_is
    if field.spec.type in ("choice", "flag"):
        choices = (False, True) if field.spec.type == "flag" else field.spec.choices or ()
        return Distribution(kind="choice", choices=choices) if ends == ("", "") else as_it_is
    spec = field.spec
    if ends == ("", "") and spec.search:
        low: Number | None = spec.search[0]
        high: Number | None = spec.search[1]
    else:
        low = _number(ends[0]) if ends[0] else _lowest(field)
        high = _number(ends[1]) if ends[1] else _highest(spec)
    return as_it_is if low is None or high is None else range_of(spec, low, high)


def range_of(spec: FieldSpec, low: Number, high: Number) -> Distribution:
    """A range of a numeric hyperparameter, on its own scale and in its own steps."""
    return Distribution(
        kind="loguniform" if spec.log_scale else "uniform",
        low=float(low),
        high=float(high),
        step=spec.multiple_of,
        is_integer=spec.type == "integer",
    )


def _fields_of(model: str, catalogue: Catalogue, task: str) -> Mapping[str, Field]:
    """The hyperparameters of a model, none where there is no such model."""
    try:
        card = catalogue.model(model) if model else catalogue.default_model(task)
        return schema_of(catalogue, card, task).fields if card else {}
    except RegistryError:
        return {}


def _range_ends(text: str) -> tuple[str, str] | None:
    """Both ends of a range as they are written, "" for one that is left out; None for a text that is no range."""
    # A path such as ../net.safetensors has two dots, and no number beside them.
    low, dots, high = (part.strip() for part in text.partition(RANGE))
    are_numbers = all(not end or _number(end) is not None for end in (low, high))
    return (low, high) if dots and are_numbers else None


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _lowest(field: Field) -> Number | None:
    """The smallest number in the table; on a log scale that begins at 0 a hundredth of the default."""
    spec, bounds = field.spec, [field.spec.minimum]
    if spec.above is not None:
        bounds.append(_next(spec, spec.above, up=True))
    low = max(_present(bounds), default=None)
    is_endless = spec.log_scale and (low is None or low <= 0 or spec.above == 0)
    if not is_endless:
        return low
    return field.default / BELOW_DEFAULT if isinstance(field.default, (int, float)) and field.default > 0 else None


def _highest(spec: FieldSpec) -> Number | None:
    bounds = [spec.maximum]
    if spec.below is not None:
        bounds.append(_next(spec, spec.below, up=False))
    return min(_present(bounds), default=None)


def _next(spec: FieldSpec, bound: Number, *, up: bool) -> Number:
    """The number next to one that is excluded."""
    if spec.type == "integer":
        return math.floor(bound) + 1 if up else math.ceil(bound) - 1
    return math.nextafter(bound, math.inf if up else -math.inf)


def _present(bounds: Iterable[Number | None]) -> list[Number]:
    return [bound for bound in bounds if bound is not None]
