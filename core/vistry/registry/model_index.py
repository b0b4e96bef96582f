"""Models by what filters see of them, so that a question looks at few of many models."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from functools import cached_property
from typing import Any

from vistry.errors import RegistryError, suggestion
from vistry.registry.cards import ModelCard
from vistry.registry.filters import FILTER_NAMES, FILTERS, Term, Wanted, figures_of, texts, unknown

Places = AbstractSet[int]  # of models in the catalogue's order
_FACTS: Mapping[str, Callable[[ModelCard], Any]] = {
    "name": lambda card: card.name,
    "full_name": lambda card: card.full_name,
    "parameters": lambda card: card.parameters,
}


class ModelIndex:
    """Finds models. What it has looked up once it keeps: the models of a catalogue never change."""

    def __init__(self, cards: Sequence[ModelCard], families: Collection[str]):
        self._cards = cards
        self._families = families
        self._tables: dict[str, Mapping[Term, Places]] = {}

    def find(self, filters: Mapping[str, object]) -> list[ModelCard]:
        """The models that pass every filter, in the catalogue's order or sorted. Raises RegistryError."""
        given = {name: value for name, value in filters.items() if value is not None}
        order = given.pop("sort", None)
        found: Places | None = None
        left_out: set[int] = set()
        for name, value in given.items():
            places = self._let_through(name, value)
            if name not in FILTERS:
                left_out |= places
            else:
                found = places if found is None else found & places
        every = found if found is not None else set(range(len(self._cards)))
        ordered = sorted(every - left_out)
        if order is not None:
            ordered = self._sorted(ordered, texts("sort", order))
        return [self._cards[place] for place in ordered]

    def _let_through(self, name: str, value: object) -> Places:
        """Where the models are that a filter, or the one that an exclusion turns round, lets through."""
        if name not in FILTER_NAMES:
            raise RegistryError(
                f"there is no filter '{name}'; {suggestion(name, [*FILTER_NAMES, 'sort'])}".rstrip("; ")
            )
        base = name.removeprefix("exclude_")
        table = self._table(base)
        return _union(table, FILTERS[base].wanted(name, value, table.keys()))

    def _table(self, name: str) -> Mapping[Term, Places]:
        """The models of each term that a filter sees."""
        if name not in self._tables:
            table: dict[Term, set[int]] = defaultdict(set)
            if name == "family":  # a plugin that isn't in use has a name, too
                table |= {family: set() for family in self._families}
            for place, card in enumerate(self._cards):
                for term in FILTERS[name].terms(card):
                    table[term].add(place)
            self._tables[name] = dict(table)
        return self._tables[name]

    def _sorted(self, places: list[int], keys: tuple[str, ...]) -> list[int]:
        """Sorted by the first key, then by the others; models without a figure come last in either direction."""
        for key in reversed(keys):
            falls = key.startswith("-")
            values = self._values(key.removeprefix("-"), max if falls else min)
            having = [place for place in places if place in values]
            lacking = [place for place in places if place not in values]
            places = [*sorted(having, key=values.__getitem__, reverse=falls), *lacking]
        return places

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
    found = [table[term] for term in wanted.exact if term in table]
    if wanted.test is not None:
        found += [places for term, places in table.items() if wanted.test(term)]
    return found[0] if len(found) == 1 else set[int]().union(*found)
