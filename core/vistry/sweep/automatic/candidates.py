"""The models that a sweep may try where nobody names one, in the order of what their authors measured.

By manifests alone: nothing of a plugin is imported, and no file of weights is opened.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property

from vistry.choosing.facts import input_pixels
from vistry.hyperparameter.fields import Fields, shared_with_policy
from vistry.registry.cards import ModelCard
from vistry.registry.catalogue import Catalogue
from vistry.registry.weights_cache import WeightsCache
from vistry.sweep.request import Constraints
from vistry.weights.published import expected_size

RANDOM = "none"  # what `weights` is called where a training starts from random ones
PIXELS = 224  # of a side, where a model leaves its input open
# What is added to the parameters of a model as its cost is judged by them: small ones take time as well.
OVERHEAD = 2_000_000
SMALLEST = 1_000_000  # parameters of a model that learns much from random weights

Kind = tuple[str, tuple[str, ...]]


@dataclass(frozen=True)
class Candidate:
    """A model and the published weights that it would start from: `RANDOM` where it has none that may be had.

    `size` is how many bytes of them have to be fetched. `figure` is what their authors measured, by the measure that
    most candidates have; None where they didn't.
    """

    card: ModelCard
    weights: str
    size: int = 0
    figure: float | None = None
    pixels: int = PIXELS

    @property
    def model(self) -> str:
        """Its full name."""
        return self.card.full_name

    @property
    def kind(self) -> Kind:
        """What models of one family and of the same tags have in common."""
        return self.card.family, self.card.tags

    @property
    def cost(self) -> float:
        """A measure of the work for one image, good to a factor of a few: only what is measured counts."""
        return float((self.card.parameters + OVERHEAD) * self.pixels**2)


@dataclass(frozen=True)
class Candidates:
    """All models of a task that an engine trains and that can keep to the constraints.

    `may_fetch` says whether weights that aren't here may be fetched; without, a model that has none here starts from
    random ones, and is listed only where no model has any.
    """

    catalogue: Catalogue
    task: str
    backend: str
    constraints: Constraints = field(default_factory=Constraints)
    may_fetch: bool = True
    starts_random: bool = False

    @cached_property
    def ranked(self) -> tuple[Candidate, ...]:
        """Those with the best published figure first; without one the larger model first."""
        pretrained = [] if self.starts_random else [self._pretrained(card) for card in self._cards]
        listed = [one for one in pretrained if one is not None]
        return tuple(sorted(listed or self._random, key=_order))

    @property
    def _random(self) -> list[Candidate]:
        listed = [self._candidate(card, RANDOM) for card in self._cards]
        return [one for one in listed if one.card.parameters >= SMALLEST] or listed

    @cached_property
    def _cards(self) -> list[ModelCard]:
        cards = self.catalogue.models(task=self.task)
        return [card for card in cards if self.backend in card.backends and self._may_be(card)]

    def _may_be(self, card: ModelCard) -> bool:
        # Its parameters are counted for the published classes: with fewer it has a little less.
        most = self.constraints.max_parameters
        return most is None or 0.9 * card.parameters <= most

    def _pretrained(self, card: ModelCard) -> Candidate | None:
        here = [name for name in card.weights if self._cache.find(card.weights[name])]
        default = self._policy_weights(card) or card.default_weights
        if default is not None and default not in card.weights:  # a file, which whoever wrote the policy has
            return None if default.casefold() == RANDOM else self._candidate(card, default)
        if default in here or (default is not None and self.may_fetch):
            size = 0 if default in here else expected_size(card, default)
            return self._candidate(card, default, size=size)
        return self._candidate(card, here[0]) if here else None

    def _policy_weights(self, card: ModelCard) -> str | None:
        """What a policy file makes the default of `weights`; None where that is left to the plugin."""
        overrides = self.catalogue.policy.overrides(self.task, self.catalogue.names_of(card))
        values = [str(one.value) for one in overrides if one.field == "weights"]
        return values[-1] if values and values[-1] != "auto" else None

    def _candidate(self, card: ModelCard, weights: str, size: int = 0) -> Candidate:
        published = weights if weights in card.own_weights else card.default_weights
        figures = card.own_weights[published].metrics if published in card.own_weights else {}
        data_set, name = self._measure
        sides = [one.pixels for one in input_pixels(card, self.task, self._shared) if one.pixels is not None]
        return Candidate(
            card=card,
            weights=weights,
            size=size,
            figure=figures.get(data_set, {}).get(name),
            pixels=min(sides, default=PIXELS),
        )

    @cached_property
    def _measure(self) -> tuple[str, str]:
        """The data set and the name of the figure that most of the models have."""
        return Counter(_measures(self._cards)).most_common(1)[0][0] if any(_measures(self._cards)) else ("", "")

    @cached_property
    def _shared(self) -> Fields:
        return shared_with_policy(self.catalogue, self.task)

    @cached_property
    def _cache(self) -> WeightsCache:
        return WeightsCache.read()


def _measures(cards: Iterable[ModelCard]) -> Iterable[tuple[str, str]]:
    for card in cards:
        for spec in card.own_weights.values():
            yield from ((data_set, name) for data_set, figures in spec.metrics.items() for name in figures)


def _order(candidate: Candidate) -> tuple[bool, float, int, str]:
    figure = candidate.figure
    return figure is None, -(figure or 0.0), -candidate.card.parameters, candidate.model
