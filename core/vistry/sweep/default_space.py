"""What is searched of a model where nobody says what."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from vistry.hyperparameter.fields import Field
from vistry.hyperparameter.schema import Schema
from vistry.hyperparameter.values import Hyperparameters
from vistry.registry.field_spec import Scalar, to_json
from vistry.sweep.distribution import Distribution
from vistry.sweep.flag_values import range_of

RATE_FACTORS = (0.1, 5.0)  # of the model's own default rate
OPTIMIZERS = ("sgd", "adamw")
BATCH_FACTORS = (0.5, 1, 2)


def default_parameters(schema: Schema, values: Hyperparameters) -> dict[str, Distribution]:
    """What is searched of a model with these resolved values, of which those that the user gave stay.

    The optimiser, the learning rate around the one that the model wants for the optimiser drawn, half and double the
    batch, no, half and all layers frozen where there are weights, and whatever the tables and the model's plugin say is
    worth searching.
    """
    parameters: dict[str, Distribution] = {}
    for name, field in schema.fields.items():
        if values.given(name):
            continue
        # What a plugin says of its own model wins over what holds for all.
        if field.spec.search:
            parameters[name] = _around_default(field)
        elif name == "optimizer":
            parameters[name] = _choice(field, [field.default, *OPTIMIZERS])
        elif name == "learning_rate" and isinstance(field.default, float) and field.default > 0:
            parameters[name] = _relative_rate(field, rates_of(schema), parameters.get("optimizer"))
        elif name == "training_batch_size" and isinstance(field.default, int):
            parameters[name] = _choice(field, sorted({int(field.default * factor) for factor in BATCH_FACTORS}))
        elif field.spec.maximum_from == "freeze" and _starts_from_weights(schema, values):
            layers = int(field.spec.maximum or 0)
            own = field.default if isinstance(field.default, int) else layers
            parameters[name] = _choice(field, [None, *sorted({own, layers // 2, layers})])
    return {name: one for name, one in parameters.items() if len(one.choices) != 1}


def rates_of(schema: Schema) -> Mapping[str, float]:
    """The learning rate that a model wants with each optimiser, by what its default is with its own."""
    if "optimizer" not in schema.fields or "learning_rate" not in schema.fields:
        return {}
    optimizer, rate = schema.fields["optimizer"], schema.fields["learning_rate"].default
    relative = {name: part.spec.relative_rate for name, part in schema.offer.optimizers.parts.items()}
    if not isinstance(rate, (int, float)) or str(optimizer.default) not in relative:
        return {}
    of_sgd = rate / relative[str(optimizer.default)]
    return {name: float(f"{of_sgd * factor:.6g}") for name, factor in relative.items()}


def _relative_rate(field: Field, rates: Mapping[str, float], optimizer: Distribution | None) -> Distribution:
    """Factors of the model's own rate, none of which leads out of the range."""
    # At the largest of the rates that may be drawn the upper factor has to stay in the range, too.
    names = [str(choice) for choice in optimizer.choices] if optimizer else list(rates)
    largest = max([rate for name, rate in rates.items() if name in names], default=1.0)
    low, high = RATE_FACTORS
    limit = field.spec.maximum if field.spec.maximum is not None else float("inf")
    return Distribution(kind="loguniform", low=low, high=max(min(high, limit / largest), low), is_relative=True)


def _around_default(field: Field) -> Distribution:
    """What the table says is worth searching, and the default with it."""
    low, high = field.spec.search or (0, 1)
    default = field.default
    if isinstance(default, (int, float)) and (default > 0 or not field.spec.log_scale):
        low, high = min(low, default), max(high, default)
    return range_of(field.spec, low, high)


def _choice(field: Field, values: Iterable[object]) -> Distribution:
    """A choice of those values that the field may have."""
    allowed: dict[Scalar | None, None] = {}
    for value in values:
        try:
            allowed[to_json(field.spec.parse(value)) if value is not None else None] = None
        except ValueError:
            continue
    return Distribution(kind="choice", choices=tuple(allowed))


def _starts_from_weights(schema: Schema, values: Hyperparameters) -> bool:
    return bool(schema.card and schema.card.weights) and values.weights != "none"
