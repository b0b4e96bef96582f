"""Models by what filters see of them, so that a question looks at few of many models."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import cached_property
from typing import Any, cast

from vistry.registry.cards import ModelCard
from vistry.registry.filters import FILTER_NAMES, FILTERS, Term, Wanted, figures_of, texts, unknown

_NAMES = (*FILTER_NAMES, "sort")
Places = AbstractSet[int]  # of models in the catalogue's order
# What models can be sorted by beside published figures.
_FACTS: Mapping[str, Callable[[ModelCard], Any]] = {
    "name": lambda card: card.name,
    "full_name": lambda card: card.full_name,
    "parameters": lambda card: card.parameters,
}


@dataclass(frozen=True)
class _Order:
    """Places of models in an order, and the rank of the model at each place; equal ones have one rank."""

    places: list[int]
    ranks: list[int]


class ModelIndex:
    """Finds models. What it has looked up once it keeps: the models of a catalogue never change."""

    def __init__(self, cards: Sequence[ModelCard], families: Collection[str]):
        self._cards = cards
        self._everywhere = frozenset(range(len(cards)))
        self._families = families
        self._tables: dict[str, Mapping[Term, Places]] = {}
        self._numbers: dict[str, tuple[list[Any], list[int]]] = {}
        self._orders: dict[str, _Order] = {}

    def find(self, filters: Mapping[str, object]) -> list[ModelCard]:
        """The models that pass every filter, in the catalogue's order or sorted. Raises RegistryError."""
        for name in filters:
            if name not in _NAMES:
                raise unknown("filter", name, _NAMES)
        given = {name: value for name, value in filters.items() if value is not None}
        order = given.pop("sort", None)
        matching: Places | None = None
        for name, value in given.items():
            places = self._let_through(name, value)
            if name not in FILTERS:
                matching = (self._everywhere if matching is None else matching) - places
            else:
                matching = places if matching is None else matching & places
        ordered = self._ordered(self._everywhere if matching is None else matching, order)
        return list(map(self._cards.__getitem__, ordered))

    def _let_through(self, name: str, value: object) -> Places:
        """Where the models are that a filter, or the one that an exclusion turns round, lets through."""
        base = name.removeprefix("exclude_")
        table = self._table(base)
        wanted = FILTERS[base].wanted(name, value, table.keys())
        return self._between(base, *wanted.between) if wanted.between else _union(table, wanted)

    def _between(self, name: str, low: float, high: float) -> Places:
        """The models of the numbers from low to high."""
        if name not in self._numbers:
            pairs = sorted((number, place) for number, places in self._table(name).items() for place in places)
            self._numbers[name] = ([number for number, _ in pairs], [place for _, place in pairs])
        numbers, places = self._numbers[name]
        return set(places[bisect_left(numbers, low) : bisect_right(numbers, high)])

    def _table(self, name: str) -> Mapping[Term, Places]:
        """The models of each term that a filter sees."""
        if name in self._tables:
            return self._tables[name]
        table: dict[Term, set[int]] = defaultdict(set)
        if name == "family":  # a plugin that isn't in use has a name, too
            table |= {family: set() for family in self._families}
        terms = FILTERS[name].terms_of_now()
        for place, card in enumerate(self._cards):
            for term in terms(card):
                table[term].add(place)
        if not FILTERS[name].changes:
            self._tables[name] = dict(table)
        return table

    def _ordered(self, matching: Places, keys: object) -> list[int]:
        """In the catalogue's order, or sorted by the first key, then by the others."""
        if keys is None:
            return sorted(matching)
        *first, last = texts("sort", keys)
        ordered = list(filter(matching.__contains__, self._order(last).places))
        for key in reversed(first):
            ordered.sort(key=self._order(key).ranks.__getitem__)
        return ordered

    def _order(self, key: str) -> _Order:
        """All models by what a key names: those without a figure come last, whatever the direction."""
        if key not in self._orders:
            falls = key.startswith("-")
            values = self._values(key.removeprefix("-"), max if falls else min)
            rank = {value: number for number, value in enumerate(sorted(set(values.values()), reverse=falls))}
            ranks = [rank[values[place]] if place in values else len(rank) for place in range(len(self._cards))]
            self._orders[key] = _Order(sorted(range(len(ranks)), key=ranks.__getitem__), ranks)
        return self._orders[key]

    def _values(self, key: str, choose: Callable[[Iterable[float]], float]) -> Mapping[int, Any]:
        """What to sort the models by; of several weights' figures the one that is chosen."""
        if key in _FACTS:
            return {place: _FACTS[key](card) for place, card in enumerate(self._cards)}
        if key not in self._figures:
            raise unknown("sort key", key, [*_FACTS, *sorted(self._figures)])
        return {place: choose(values) for place, values in self._figures[key].items()}

    @cached_property
    def _figures(self) -> Mapping[str, Mapping[int, list[float]]]:
        """The values of each published figure, by the place of its model."""
        figures: dict[str, dict[int, list[float]]] = defaultdict(lambda: defaultdict(list))
        for place, card in enumerate(self._cards):
            for data_set, figure, value in figures_of(card):
                figures[f"{data_set}.{figure}"][place].append(value)
        return {name: dict(values) for name, values in figures.items()}


def _union(table: Mapping[Term, Places], wanted: Wanted) -> Places:
    matching = [table[term] for term in wanted.exact if term in table]
    test, part = wanted.test, wanted.part
    if test is not None and part:
        words = cast("Mapping[str, Places]", table)
        matching += [places for word, places in words.items() if part in word and test(word)]
    elif test is not None:
        matching += [places for term, places in table.items() if test(term)]
    return matching[0] if len(matching) == 1 else set[int]().union(*matching)
