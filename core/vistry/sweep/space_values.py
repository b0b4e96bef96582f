"""Values that a space gives a model before anything is drawn."""

from __future__ import annotations

from vistry.hyperparameter.schema import Source
from vistry.registry.field_spec import Scalar
from vistry.sweep.space import Group, Space


def constants_of(space: Space, model: str) -> Source:
    """The values that every trial of a model has."""
    groups = [group for group in space.groups if model in group.models]
    first = {name: drawn.choices[0] for name, drawn in groups[0].parameters.items() if len(drawn.choices) == 1}
    same = {
        name: value for name, value in first.items() if all(_is_constant(group, name, value) for group in groups[1:])
    }
    return Source.of(same, "the sweep")


def default_of(space: Space, model: str) -> Source:
    """The values of a model's first trial where the space says so, else those that all of its trials have."""
    values = next((one.values for one in space.first if one.model == model), None)
    return constants_of(space, model) if values is None else Source.of(values, "the sweep")


def _is_constant(group: Group, name: str, value: Scalar | None) -> bool:
    return name in group.parameters and group.parameters[name].choices == (value,)
