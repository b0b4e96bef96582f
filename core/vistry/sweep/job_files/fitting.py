"""What is drawn for one model: what the file says, with sizes that the model doesn't take left out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from vistry.hyperparameter.fields import Field
from vistry.hyperparameter.values import format_value
from vistry.registry.cards import ModelCard
from vistry.registry.field_spec import Scalar, to_json
from vistry.sweep.distribution import Distribution
from vistry.sweep.job_files.constants import takes
from vistry.sweep.job_files.distributions import values_of
from vistry.sweep.job_files.document import Node, Remarks
from vistry.sweep.job_files.fixed import FixedValues
from vistry.sweep.job_files.models import JobModels

SHOWN = 5
Drawn = dict[str, Distribution]


@dataclass(frozen=True)
class Written:
    """What the file says of one hyperparameter, checked by the range that it has for all models; and where."""

    drawn: Distribution
    node: Node


def fitted(written: Mapping[str, Written], card: ModelCard, models: JobModels, remarks: Remarks) -> Drawn:
    """The distributions of one model; what it can't take is refused, but for sizes: the product overrides them."""
    result = {}
    for name, one in written.items():
        field = models.field(name, card)
        values = values_of(one.drawn)
        wrong = [value for value in values or one.drawn.ends() if value is not None and not takes(field.spec, value)]
        if not wrong:
            result[name] = one.drawn
        elif field.spec.unit == "pixels" and values is not None:
            result[name] = _collapsed(one, field, values, card=card, remarks=remarks)
        else:
            remarks.refuse(one.node, f"{card.name} doesn't take {_listed(wrong)}: it must be {field.rule}")
    return result


def without_odd_sizes(
    fixed: FixedValues, cards: Sequence[ModelCard], models: JobModels
) -> tuple[FixedValues, dict[str, Written]]:
    """The values that all trials have, and apart from them those that some model doesn't take, as choices of one."""
    odd = {
        name: Written(Distribution(kind="choice", choices=(value,)), fixed.nodes[name])
        for name, value in fixed.values.items()
        if not all(takes(models.field(name, card).spec, value) for card in cards)
    }
    values = {name: value for name, value in fixed.values.items() if name not in odd}
    return FixedValues(values, fixed.nodes), odd


def _collapsed(
    one: Written, field: Field, values: tuple[Scalar | None, ...], card: ModelCard, remarks: Remarks
) -> Distribution:
    """The sizes that a model takes of those that are written, or its own where it takes none of them."""
    possible = tuple(value for value in values if value is not None and takes(field.spec, value))
    left = [value for value in values if value not in possible]
    choices = possible or (to_json(field.default),)
    only = " only" if len(choices) == 1 else ""
    remarks.say(one.node, f"{card.name} takes {_listed(choices)}{only}; {_listed(left)} left out")
    return Distribution(kind="choice", choices=choices)


def _listed(values: Sequence[Scalar | None]) -> str:
    more = f" and {len(values) - SHOWN} more" if len(values) > SHOWN else ""
    return ", ".join(map(format_value, values[:SHOWN])) + more
