"""What models can be asked for: one table of filters, for Python and for the command line."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from fnmatch import translate
from functools import lru_cache
from numbers import Integral
from typing import Any, Literal

from vistry.errors import RegistryError, suggestion
from vistry.registry.cards import ModelCard
from vistry.registry.licences import is_met, licences_in
from vistry.registry.manifest import BACKENDS
from vistry.registry.number_range import number_range
from vistry.registry.tasks import TASKS, task_named
from vistry.registry.weights_cache import WeightsCache

Term = Hashable  # what a filter sees of a model: the name of a task, a number of parameters
Terms = Collection[Any]


@dataclass(frozen=True)
class Wanted:
    """The terms that a filter lets through: those of `exact`, and those that pass the test.

    Only texts that hold `part` can pass the test, which is quicker to see than to try them all. `between` lets numbers
    through, from the first to the second.
    """

    exact: AbstractSet[Term] = frozenset()
    test: Callable[[Any], object] | None = None
    part: str = ""
    between: tuple[float, float] | None = None


@dataclass(frozen=True)
class Filter:
    """A filter: what it sees of a model, and which of that a value wants.

    `wanted` is given the filter's name, the value, and the terms of all models. With `can_exclude` there is a second
    filter, which leaves out what this one lets through. What `terms_now` sees changes while models stay the same.
    """

    meaning: str
    kind: Literal["texts", "counts", "count", "flag"]
    terms: Callable[[ModelCard], Iterable[Term]]
    wanted: Callable[[str, object, Terms], Wanted]
    can_exclude: bool = False
    terms_now: Callable[[], Callable[[ModelCard], Iterable[Term]]] | None = None

    def terms_of_now(self) -> Callable[[ModelCard], Iterable[Term]]:
        """What the filter sees of models at this moment."""
        return self.terms_now() if self.terms_now else self.terms

    @property
    def changes(self) -> bool:
        """Whether it may see something else of the same model at another moment."""
        return self.terms_now is not None


def texts(name: str, value: object) -> tuple[str, ...]:
    """A text or a list of texts. Raises RegistryError for anything else, and for an empty list."""
    values = (value,) if isinstance(value, str) else _listed(value)
    if values is None or not all(isinstance(text, str) for text in values):
        raise RegistryError(f"{name} = {value!r} must be text, or a list of texts")
    return _some(name, value, values)


def _counts(name: str, value: object) -> tuple[int, ...]:
    if (values := _listed(value)) is None:
        return (_count(name, value),)
    return _some(name, value, tuple(_count(name, number) for number in values))


def _count(name: str, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, Integral) or value < 1:
        raise RegistryError(f"{name} = {value!r} must be an integer of at least 1")
    return int(value)


def _listed(value: object) -> tuple[Any, ...] | None:
    if isinstance(value, str | bytes | Mapping) or not isinstance(value, Collection):
        return None
    return tuple(value)


def _some(name: str, value: object, values: tuple[Any, ...]) -> tuple[Any, ...]:
    if not values:
        raise RegistryError(f"{name} = {value!r} asks for nothing; name a value, or leave {name} out")
    return values


def _is_pattern(word: str) -> bool:
    return any(sign in word for sign in "*?[")


@lru_cache(maxsize=1024)
def _words(words: tuple[str, ...]) -> Wanted:
    """The words themselves, and what matches those that hold * or ?."""
    patterns = [word for word in words if _is_pattern(word)]
    if not patterns:
        return Wanted(frozenset(words))
    matches = re.compile("|".join(map(translate, patterns))).match
    part = max(re.split(r"[*?]|\[.*", patterns[0]), key=len)
    return Wanted(frozenset(words), matches, part if all(part in pattern for pattern in patterns) else "")


def _name(name: str, value: object, _: Terms) -> Wanted:
    """Short and full names, as patterns of full names."""
    return _words(tuple(pattern for word in texts(name, value) for pattern in _of_full_names(word)))


def _of_full_names(word: str) -> tuple[str, ...]:
    if "/" in word or word.startswith("*"):
        return (word,)
    return (f"*/{word}", word) if _is_pattern(word) else (f"*/{word}",)


def _known_word(name: str, value: object, terms: Terms) -> Wanted:
    """Words that some model has: one that none has is more likely misspelt than meant."""
    words, noun = texts(name, value), name.removeprefix("exclude_")
    for word in words:
        if word not in terms and not _is_pattern(word):
            raise unknown(noun, word, terms)
    return _words(words)


def unknown(noun: str, name: str, known: Iterable[str]) -> RegistryError:
    """The error about a name that nothing has, with the nearest one that something has."""
    names = list(known)
    hint = suggestion(name, names) if names else "no installed model has any"
    return RegistryError(f"there is no {noun} '{name}'; {hint}".rstrip("; "))


def _backend(name: str, value: object, _: Terms) -> Wanted:
    words = texts(name, value)
    for word in words:
        if word not in BACKENDS:
            raise unknown("backend", word, BACKENDS)
    return Wanted(frozenset(words))


def _task(name: str, value: object, _: Terms) -> Wanted:
    return Wanted(frozenset(task_named(word).name for word in texts(name, value)))


def _licence(name: str, value: object, _: Terms) -> Wanted:
    return _words(tuple(word.casefold() for word in texts(name, value)))


def _allowed(name: str, value: object, _: Terms) -> Wanted:
    """Licence expressions that these licences meet."""
    wanted = _licence(name, value, ())

    def accepts(licence: str) -> bool:
        licence = licence.casefold()
        return licence in wanted.exact or (wanted.test is not None and bool(wanted.test(licence)))

    return Wanted(test=lambda expression: is_met(expression, accepts))


def _flag(name: str, value: object, _: Terms) -> Wanted:
    if not isinstance(value, bool):
        raise RegistryError(f"{name} = {value!r} must be True or False")
    return Wanted(frozenset([value]))


def _parameters(name: str, value: object, _: Terms) -> Wanted:
    """Ranges of a number of parameters, such as "5M..30M", "..10M" or "1B.."."""
    ranges = [number_range(name, text) for text in texts(name, value)]
    return Wanted(test=lambda number: any(low <= number <= high for low, high in ranges))


def _at_least(name: str, value: object, _: Terms) -> Wanted:
    return Wanted(between=(_count(name, value), math.inf))


def _at_most(name: str, value: object, _: Terms) -> Wanted:
    return Wanted(between=(0, _count(name, value)))


def _strides(name: str, value: object, _: Terms) -> Wanted:
    return Wanted(frozenset(_counts(name, value)))


def _sizes(name: str, value: object, _: Terms) -> Wanted:
    sides = _counts(name, value)
    return Wanted(test=lambda sizes: any(sizes.allows(side) for side in sides))


_COMPARISONS = {">=": operator.ge, "<=": operator.le, ">": operator.gt, "<": operator.lt}
# A figure, alone or compared with a number.
_PUBLISHED = re.compile(r"([^<>=\s]+)(?:\s*(>=|<=|>|<)\s*(\d+(?:\.\d+)?))?")


def _published(name: str, value: object, terms: Terms) -> Wanted:
    """Figures by data set, by name or by both, such as "imagenet1k.top1", and how high or low: ">= 75"."""
    return Wanted(frozenset(figure for text in texts(name, value) for figure in _figures(name, text.strip(), terms)))


def _figures(name: str, text: str, terms: Terms) -> list[tuple[str, float | None]]:
    """The terms of one text. Raises RegistryError."""
    match = _PUBLISHED.fullmatch(text)
    if match is None:
        raise RegistryError(f"{name} = {text!r} must be a figure such as 'imagenet1k.top1' or 'imagenet1k.top1 >= 75'")
    wanted, sign, bound = match.groups()
    figures = [term for term in terms if term[0] == wanted]
    if not figures:
        raise unknown("published figure", wanted, sorted({called for called, _ in terms}))
    if sign is None:
        return figures
    compare, number = _COMPARISONS[sign], float(bound)
    values = [term for term in figures if term[1] is not None]
    if not values:
        raise RegistryError(
            f"{name} = {text!r} compares a data set; name one of its figures: '{wanted}.FIGURE {sign} {bound}'"
        )
    return [term for term in values if compare(term[1], number)]


def figures_of(card: ModelCard) -> Iterator[tuple[str, str, float]]:
    """Data set, name and value of each figure that is published with weights of the whole model."""
    for weights in card.own_weights.values():
        for data_set, figures in weights.metrics.items():
            for figure, value in figures.items():
                yield data_set, figure, value


def _figure_terms(card: ModelCard) -> Iterator[Term]:
    for data_set, figure, value in figures_of(card):
        yield from ((data_set, None), (figure, value), (f"{data_set}.{figure}", value))


def _licence_terms(expressions: Iterable[str]) -> Iterator[Term]:
    for expression in expressions:
        yield from (text.casefold() for text in (expression, *licences_in(expression)))


def _on_this_machine() -> Callable[[ModelCard], Iterable[Term]]:
    cache = WeightsCache.read()
    return lambda card: (any(map(cache.find, card.weights.values())),)


_ALIASES = [task.alias for task in TASKS]
FILTERS = {
    "task": Filter(
        meaning=f"that can learn this task: {', '.join(_ALIASES[:-1])} or {_ALIASES[-1]}",
        kind="texts",
        terms=lambda card: card.tasks,
        wanted=_task,
        can_exclude=True,
    ),
    "family": Filter(
        meaning="of this plugin",
        kind="texts",
        terms=lambda card: (card.family,),
        wanted=_known_word,
        can_exclude=True,
    ),
    "backend": Filter(
        meaning="for this backend: torch or jax",
        kind="texts",
        terms=lambda card: card.backends,
        wanted=_backend,
        can_exclude=True,
    ),
    "name": Filter(
        meaning='with this short or full name, such as "*50*"',
        kind="texts",
        terms=lambda card: (card.full_name,),
        wanted=_name,
        can_exclude=True,
    ),
    "license": Filter(
        meaning='under this licence, alone or with others, such as "BSD-*"',
        kind="texts",
        terms=lambda card: _licence_terms((card.license,)),
        wanted=_licence,
        can_exclude=True,
    ),
    "allowed_license": Filter(
        meaning="that can be used by who accepts this licence and no other but those named",
        kind="texts",
        terms=lambda card: (card.license,),
        wanted=_allowed,
    ),
    "weights": Filter(
        meaning="with published weights, of their own or of their backbone",
        kind="flag",
        terms=lambda card: (bool(card.weights),),
        wanted=_flag,
    ),
    "cached": Filter(
        meaning="with published weights that are on this machine",
        kind="flag",
        terms=lambda _: (),
        terms_now=_on_this_machine,
        wanted=_flag,
    ),
    "has_weights": Filter(
        meaning="with published weights of the whole model",
        kind="flag",
        terms=lambda card: (bool(card.own_weights),),
        wanted=_flag,
    ),
    "weights_license": Filter(
        meaning="with published weights under this licence",
        kind="texts",
        terms=lambda card: _licence_terms(spec.license for spec in card.own_weights.values()),
        wanted=_licence,
        can_exclude=True,
    ),
    "published": Filter(
        meaning='with this published figure, such as "imagenet1k", "imagenet1k.top1" or "imagenet1k.top1 >= 75"',
        kind="texts",
        terms=_figure_terms,
        wanted=_published,
    ),
    "backbone": Filter(
        meaning="built on this backbone, by its short or full name",
        kind="texts",
        terms=lambda card: (card.backbone.name, card.backbone.full_name) if card.backbone else (),
        wanted=_known_word,
        can_exclude=True,
    ),
    "tag": Filter(
        meaning="with this tag of their authors'",
        kind="texts",
        terms=lambda card: card.tags,
        wanted=_known_word,
        can_exclude=True,
    ),
    "parameters": Filter(
        meaning='with so many parameters, such as "5M..30M", "..10M" or "1B.."',
        kind="texts",
        terms=lambda card: (card.parameters,),
        wanted=_parameters,
    ),
    "min_parameters": Filter(
        meaning="with at least so many parameters",
        kind="count",
        terms=lambda card: (card.parameters,),
        wanted=_at_least,
    ),
    "max_parameters": Filter(
        meaning="with at most so many parameters",
        kind="count",
        terms=lambda card: (card.parameters,),
        wanted=_at_most,
    ),
    "input_size": Filter(
        meaning="that take an input of so many pixels across",
        kind="counts",
        terms=lambda card: (card.input_sizes,),
        wanted=_sizes,
    ),
    "stride": Filter(
        meaning="that offer detectors a feature map at this stride",
        kind="counts",
        terms=lambda card: card.feature_maps.strides if card.feature_maps else (),
        wanted=_strides,
    ),
}
FILTER_NAMES = tuple(
    name for base, entry in FILTERS.items() for name in (base, *([f"exclude_{base}"] if entry.can_exclude else []))
)
