"""The space of a sweep for which nobody said what to search: the recipe of each model, and what lies around it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from vistry.hyperparameter.schema import Source
from vistry.hyperparameter.values import Hyperparameters
from vistry.registry.field_spec import Scalar, to_json
from vistry.sweep.automatic.choice import Choice
from vistry.sweep.automatic.recipe import Recipe, rate_factor
from vistry.sweep.automatic.records import SEARCH_SHARE
from vistry.sweep.automatic.survey import WARM_UP, Tried, given_values, is_adaptive
from vistry.sweep.coordinates import DIGITS, Coordinates
from vistry.sweep.default_space import BATCH_FACTORS, default_parameters, rates_of
from vistry.sweep.distribution import Distribution
from vistry.sweep.request import SweepRequest
from vistry.sweep.space import Group, ModelDefaults, Score, Space, Suggestion, Values

BATCH, OPTIMIZER, RATE, EPOCHS = "training_batch_size", "optimizer", "learning_rate", "number_of_epochs"
WEIGHTED_LOSS = "weighted_loss"
SMALL_DATA_OPTIMIZER = "adamw"  # which few images want, whatever a model's table says
FEW_IMAGES = 2000


@dataclass(frozen=True)
class Searched:
    """A model with its recipe, and the request whose fixed values go over both."""

    tried: Tried
    recipe: Recipe
    request: SweepRequest

    @property
    def model(self) -> str:
        """Its full name."""
        return self.tried.candidate.model

    @property
    def seconds(self) -> float:
        """How long a training by the recipe takes."""
        return self.recipe.number_of_epochs * self.tried.measured.epoch_seconds

    def group(self) -> Group:
        """What is drawn for it, constants among it."""
        resolved = self._resolved()
        parameters = default_parameters(self.tried.schema, resolved)
        if BATCH in parameters:
            parameters[BATCH] = self._batches()
        constants = {**self._changed(), **{name: to_json(resolved[name]) for name in self._given}}
        for name, value in constants.items():
            if name not in parameters or name in self._given:
                parameters[name] = Distribution(kind="choice", choices=(value,))
        return Group(models=(self.model,), parameters=parameters)

    def defaults(self) -> ModelDefaults:
        """What it trains with where nothing is drawn: its table's values but for those of the recipe."""
        values = {name: to_json(value) for name, value in self._resolved().items()}
        rates = self._rates()
        recipe: dict[str, Scalar | None] = {**self._changed(), BATCH: self._batch}
        if (rate := rates.get(str(values.get(OPTIMIZER)))) is not None and RATE not in self._given:
            recipe[RATE] = rate
        return ModelDefaults(values={**values, **recipe}, rates=rates)

    def _changed(self) -> dict[str, Scalar | None]:
        """The recipe's constants, where the user says nothing of them."""
        values: dict[str, Scalar | None] = {EPOCHS: self.recipe.number_of_epochs}
        if self.recipe.warm_up_epochs != self.tried.defaults.warm_up_epochs:
            values[WARM_UP] = self.recipe.warm_up_epochs
        if self.recipe.weighted_loss and WEIGHTED_LOSS in self.tried.schema.fields:
            values[WEIGHTED_LOSS] = self.recipe.weighted_loss
        if not self._is_default_set():
            values["weights"] = self.tried.candidate.weights
        return {name: value for name, value in values.items() if name not in self._given}

    def _is_default_set(self) -> bool:
        candidate, default = self.tried.candidate, self.tried.schema.fields["weights"].default
        return candidate.weights == (candidate.card.default_weights if default == "auto" else default)

    def _rates(self) -> Mapping[str, float]:
        schema = self.tried.schema
        factors = {
            name: rate_factor(self.tried.defaults, self._batch, is_adaptive=is_adaptive(schema, name))
            for name in rates_of(schema)
        }
        return {name: float(f"{rate * factors[name]:.{DIGITS}g}") for name, rate in rates_of(schema).items()}

    def _batches(self) -> Distribution:
        """Half, once and twice the recipe's, as far as the model takes them."""
        spec, allowed = self.tried.schema.fields[BATCH].spec, []
        for factor in BATCH_FACTORS:
            try:
                allowed.append(to_json(spec.parse(max(1, int(self.recipe.training_batch_size * factor)))))
            except ValueError:
                continue
        return Distribution(kind="choice", choices=tuple(dict.fromkeys(allowed)))

    @property
    def _batch(self) -> int:
        """The batch that the user has set, else the recipe's."""
        return self.tried.batch if BATCH in self._given else self.recipe.training_batch_size

    def _resolved(self) -> Hyperparameters:
        return self.tried.schema.resolve([Source.of(self._given, "the sweep")])

    @property
    def _given(self) -> Mapping[str, Scalar | None]:
        return given_values(self.request, self.tried.schema)


def space_around(searched: Sequence[Searched], choice: Choice, score: Score, images: int) -> Space:
    """The space of these models, and the trials that come first: the fastest, then the most promising to its end."""
    space = Space(
        groups=tuple(one.group() for one in searched),
        defaults={one.model: one.defaults() for one in searched},
        score=score,
    )
    first = tuple(_first(space, searched, choice, images=images))
    return Space(groups=space.groups, defaults=space.defaults, score=score, first=first)


def _first(space: Space, searched: Sequence[Searched], choice: Choice, *, images: int) -> Iterator[Suggestion]:
    """The fastest's recipe and that of the most promising run to their ends, the others from rung to rung.

    The fastest is the first, so that there is a model soon; where there is no time for both it isn't run to its end.
    """
    coordinates = Coordinates(space)
    fastest, best = choice.fastest.candidate.model, choice.ranked[0].candidate.model
    others = [one.candidate.model for one in choice.ranked if one.candidate.model not in (fastest, best)]
    limit = searched[0].request.limits.time_limit
    seconds = {one.model: one.seconds for one in searched if one.model in (fastest, best)}
    to_end = {fastest, best} if limit is None or sum(seconds.values()) <= SEARCH_SHARE * limit else {best}
    second = []
    for model in dict.fromkeys([fastest, best, *others]):
        values, _ = coordinates.default(_group(space, model), model)
        changed = _for_few_images(space, model) if images < FEW_IMAGES else None
        why = "default of" if model in to_end else "recipe of"
        first = Suggestion(
            group=_group(space, model), model=model, values=changed or values, why=f"{why} {_short(model)}"
        )
        yield first
        if changed is not None:
            name = f"recipe of {_short(model)} with {values[OPTIMIZER]}"
            second.append(replace(first, values=values, why=name))
    yield from second


def _for_few_images(space: Space, model: str) -> Values | None:
    """The recipe with the optimiser that few images want; None where it isn't to be searched, or is the model's own."""
    group, rates = _group(space, model), space.defaults[model].rates
    drawn = space.groups[group].parameters
    is_drawn = OPTIMIZER in drawn and SMALL_DATA_OPTIMIZER in drawn[OPTIMIZER].choices
    values, _ = Coordinates(space).default(group, model)
    if not is_drawn or values[OPTIMIZER] == SMALL_DATA_OPTIMIZER or SMALL_DATA_OPTIMIZER not in rates:
        return None
    changed: dict[str, Scalar | None] = {**values, OPTIMIZER: SMALL_DATA_OPTIMIZER}
    if RATE in drawn and drawn[RATE].is_relative:
        changed[RATE] = float(f"{rates[SMALL_DATA_OPTIMIZER]:.{DIGITS}g}")
    return changed


def _group(space: Space, model: str) -> int:
    return next(place for place, group in enumerate(space.groups) if model in group.models)


def _short(model: str) -> str:
    return model.rpartition("/")[2]
