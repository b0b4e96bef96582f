"""What a sweep searches: groups of hyperparameters, each with the models that it is for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from vistry.registry.field_spec import Scalar
from vistry.sweep.distribution import Distribution

Values = Mapping[str, Scalar | None]


@dataclass(frozen=True, kw_only=True)
class Group:
    """A part of the space: the full names of its models, and what is drawn for each trial of one of them.

    A constant is a choice of one value.
    """

    models: tuple[str, ...]
    parameters: Mapping[str, Distribution]


@dataclass(frozen=True, kw_only=True)
class Space:
    """All that may be drawn. A trial belongs to one group, and has one of its models."""

    groups: tuple[Group, ...]

    @property
    def models(self) -> tuple[str, ...]:
        """The full name of every model, in the order of the groups."""
        return tuple(dict.fromkeys(model for group in self.groups for model in group.models))


@dataclass(frozen=True, kw_only=True)
class Suggestion:
    """What a trial is to try: the group it is of, the model's full name, the values drawn, and why these.

    `why` is such as "default of resnet18", "sobol", "tpe", "random" or "grid".
    """

    group: int
    model: str
    values: Values
    why: str
