"""The space of a sweep for which nobody said what to search: the recipe of each model, and what lies around it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from vistry.hyperparameter.schema import Source
from vistry.hyperparameter.values import Hyperparameters
from vistry.registry.field_spec import Scalar, to_json
from vistry.sweep.automatic.choice import Choice
from vistry.sweep.automatic.head import FEW_IMAGES, RATE_FACTOR, Head
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
        return self.recipe.number_of_epochs * self.tried.epoch_seconds

    def group(self) -> Group:
        """What is drawn for it, constants among it."""
        resolved = self._resolved()
        parameters = default_parameters(self.tried.schema, resolved)
        if BATCH in parameters:
            parameters[BATCH] = self._batches()
        if self.tried.head is not None:
            self._divide(parameters, self.tried.head)
        constants = {**self._changed(), **{name: to_json(resolved[name]) for name in self._given}}
        for name, value in constants.items():
            if name not in parameters or name in self._given:
                parameters[name] = Distribution(kind="choice", choices=(value,))
        return Group(models=(self.model,), parameters=parameters)

    def _divide(self, parameters: dict[str, Distribution], head: Head) -> None:
        """Leave of the layers to freeze, and of the rates, what is for the head alone, or what is for more of it."""
        frozen, rate = parameters.pop(head.name, None), parameters.get(RATE)
        if not self.tried.head_alone:
            if frozen is not None:
                parameters[head.name] = replace(
                    frozen, choices=tuple(one for one in frozen.choices if one != head.layers)
                )
            return
        parameters[head.name] = Distribution(kind="choice", choices=(head.layers,))
        if rate is not None and rate.is_relative:
            optimizers = parameters[OPTIMIZER].choices if OPTIMIZER in parameters else tuple(self._rates())
            largest = max(self._rates().get(str(name), 0.0) for name in optimizers)
            most = self.tried.schema.fields[RATE].spec.maximum
            high = RATE_FACTOR * rate.high if most is None else min(RATE_FACTOR * rate.high, most / largest)
            parameters[RATE] = replace(rate, low=min(RATE_FACTOR * rate.low, high), high=high)

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
    """The space of these models, a group each, and the trials that come first: heads alone, then the recipes."""
    space = Space(
        groups=tuple(one.group() for one in searched),
        defaults={one.model: one.defaults() for one in searched},
        score=score,
    )
    first = tuple(_first(space, searched, choice, images=images))
    return Space(groups=space.groups, defaults=space.defaults, score=score, first=first)


def _first(space: Space, searched: Sequence[Searched], choice: Choice, *, images: int) -> Iterator[Suggestion]:
    """The recipes of the fastest and of the most promising run to their ends, the others from rung to rung.

    Heads alone come before whole models: they take a third of the time, and on few images may be the better models. Of
    either the fastest is the first, so that there is a model soon; where there is no time for all of these trainings
    the most promising head, or else the most promising model, is run to its end.
    """
    fastest, best = choice.fastest.candidate.model, choice.ranked[0].candidate.model
    models = list(dict.fromkeys([fastest, best, *(one.candidate.model for one in choice.ranked)]))
    places = sorted(
        range(len(searched)),
        key=lambda place: (not searched[place].tried.head_alone, models.index(searched[place].model)),
    )
    to_end = _to_end([searched[place] for place in places if searched[place].model in (fastest, best)], best)
    second = []
    for place in places:
        one = searched[place]
        name = one.model.rpartition("/")[2] + (", its head alone" if one.tried.head_alone else "")
        values, _ = Coordinates(space).default(place, one.model)
        default = Suggestion(
            group=place, model=one.model, values=values, why=f"{'default' if one in to_end else 'recipe'} of {name}"
        )
        for_few = _for_few_images(space, default) if images < FEW_IMAGES else None
        first = default if for_few is None else replace(default, values=for_few)
        if one.tried.head_alone:
            first = replace(first, values=_with_rate_of_head(space, first))
        elif for_few is not None:
            second.append(replace(default, why=f"recipe of {name} with {values[OPTIMIZER]}"))
        yield first
    yield from second


def _to_end(ends: Sequence[Searched], best: str) -> list[Searched]:
    """Those trainings that run to their ends, of which the most promising does and others as far as there is time."""
    limit = ends[0].request.limits.time_limit
    to_end: list[Searched] = []
    for one in sorted(ends, key=lambda one: (not one.tried.head_alone, one.model != best)):
        seconds = sum(other.seconds for other in (*to_end, one))
        if not to_end or limit is None or seconds <= SEARCH_SHARE * limit:
            to_end.append(one)
    return to_end


def _for_few_images(space: Space, recipe: Suggestion) -> Values | None:
    """The recipe with the optimiser that few images want; None where it isn't to be searched, or is the model's own."""
    rates, values = space.defaults[recipe.model].rates, recipe.values
    drawn = space.groups[recipe.group].parameters
    is_drawn = OPTIMIZER in drawn and SMALL_DATA_OPTIMIZER in drawn[OPTIMIZER].choices
    if not is_drawn or values[OPTIMIZER] == SMALL_DATA_OPTIMIZER or SMALL_DATA_OPTIMIZER not in rates:
        return None
    changed: dict[str, Scalar | None] = {**values, OPTIMIZER: SMALL_DATA_OPTIMIZER}
    if RATE in drawn and drawn[RATE].is_relative:
        changed[RATE] = float(f"{rates[SMALL_DATA_OPTIMIZER]:.{DIGITS}g}")
    return changed


def _with_rate_of_head(space: Space, recipe: Suggestion) -> Values:
    """The values of a recipe with the rate that a head alone wants."""
    drawn, rates = space.groups[recipe.group].parameters, space.defaults[recipe.model].rates
    optimizer = space.value(recipe.model, OPTIMIZER, recipe.values)
    if RATE not in drawn or not drawn[RATE].is_relative or str(optimizer) not in rates:
        return recipe.values
    rate = rates[str(optimizer)] * min(RATE_FACTOR, drawn[RATE].high)
    return {**recipe.values, RATE: float(f"{rate:.{DIGITS}g}")}
