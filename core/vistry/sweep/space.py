"""What a sweep searches: groups of hyperparameters, each with the models that it is for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

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
class ModelDefaults:
    """What a model trains with where nothing is drawn: every hyperparameter, those included that the user fixed.

    `rates` has for each optimiser the learning rate that factors of a relative distribution multiply.
    """

    values: Values
    rates: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Score:
    """What the score is made of: the primary metric, negated where it falls, and the largest there can be, if any."""

    metric: str = ""
    is_negated: bool = False
    limit: float | None = None

    def shown(self, score: float) -> str:
        """A score as the metric's own value, in few digits."""
        return f"{-score if self.is_negated else score:.4g}"


@dataclass(frozen=True, kw_only=True)
class Suggestion:
    """What a trial is to try: the group it is of, the model's full name, the values drawn, and why these.

    `why` is such as "default of NAME", "sobol", "tpe", "random" or "grid".
    """

    group: int
    model: str
    values: Values
    why: str


@dataclass(frozen=True, kw_only=True)
class Space:
    """All that may be drawn. A trial belongs to one group, and has one of its models.

    `defaults` are those of each model, by its full name. `first` are the trials that the default search begins with,
    none for the default of each model.
    """

    groups: tuple[Group, ...]
    defaults: Mapping[str, ModelDefaults] = field(default_factory=dict)
    score: Score = Score()
    first: tuple[Suggestion, ...] = ()

    @property
    def models(self) -> tuple[str, ...]:
        """The full name of every model, in the order of the groups."""
        return tuple(dict.fromkeys(model for group in self.groups for model in group.models))

    def value(self, model: str, name: str, values: Values) -> Scalar | None:
        """What a training of a model with these values has for a hyperparameter, drawn or not."""
        return values[name] if name in values else self.defaults[model].values.get(name)

    def epochs(self, model: str, values: Values) -> int:
        """The number of epochs of such a training."""
        return int(self.value(model, "number_of_epochs", values) or 0)
