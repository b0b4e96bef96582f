"""Models that follow on the backbones of a catalogue file: made when they are named, since there may be thousands."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from functools import cached_property, partial

from vistry.registry.cards import ModelCard
from vistry.registry.composition import card_on, clashes
from vistry.registry.discovery import Plugin


class OnDemand:
    """The models of all plugins with a composition on the backbones of catalogue files, each made once.

    `listed` are the other models by their full names, `meanings` by their short ones.
    """

    def __init__(
        self, plugins: Sequence[Plugin], listed: Mapping[str, ModelCard], meanings: Mapping[str, ModelCard]
    ) -> None:
        self._plugins = [plugin for plugin in plugins if plugin.in_use and plugin.manifest]
        self._listed = listed
        self._meanings = meanings
        self._made: dict[str, tuple[ModelCard, ...]] = {}

    def named(self, name: str) -> ModelCard | None:
        """The model that a short or a full name means; None where none or several have it."""
        family, _, short = name.rpartition("/")
        candidates = [
            card
            for backbone in self._backbones_in(short)
            for card in self.on(backbone)
            if card.name == short and family in ("", card.family)
        ]
        return candidates[0] if len(candidates) == 1 else None

    def on(self, backbone: ModelCard) -> tuple[ModelCard, ...]:
        """The models on a backbone of a catalogue file, by plugin."""
        if backbone.full_name not in self._made:
            cards = [card_on(plugin, backbone, partial(self._is_free, plugin, backbone)) for plugin in self._plugins]
            self._made[backbone.full_name] = tuple(card for card in cards if card and not clashes(card))
        return self._made[backbone.full_name]

    def asked_for(self, backbones: object, names: object) -> tuple[ModelCard, ...]:
        """The models on the backbones that one filter names, and those that another one names outright."""
        words = _words(names)
        matching = [backbone for word in _words(backbones) for backbone in self._matching(word)]
        on_backbones = [card for backbone in matching for card in self.on(backbone)]
        by_name = [card for word in words if not _is_pattern(word) and (card := self._unlisted(word))]
        return tuple({card.full_name: card for card in (*on_backbones, *by_name)}.values())

    def backbone_names(self) -> list[str]:
        """The short and the full names of the backbones on which models follow."""
        return [
            name
            for backbone in self._backbones.values()
            for name in (backbone.full_name, *([backbone.name] if self._has_short_name(backbone) else []))
        ]

    @cached_property
    def _backbones(self) -> Mapping[str, ModelCard]:
        composing = any(plugin.manifest and plugin.manifest.composition for plugin in self._plugins)
        offered = self._listed.items() if composing else ()
        return {name: card for name, card in offered if card.catalogue_path and card.feature_maps}

    def _is_free(self, plugin: Plugin, backbone: ModelCard, name: str) -> bool:
        """Whether a plugin's model may have a name that is made of the backbone's short one."""
        return self._has_short_name(backbone) and f"{plugin.name}/{name}" not in self._listed

    def _unlisted(self, name: str) -> ModelCard | None:
        return None if name in self._listed or name in self._meanings else self.named(name)

    def _matching(self, word: str) -> Iterator[ModelCard]:
        """The backbones that a word of the filter means: a short name means the model that has it."""
        if _is_pattern(word):
            for name, card in self._backbones.items():
                if fnmatchcase(name, word) or (self._has_short_name(card) and fnmatchcase(card.name, word)):
                    yield card
        elif backbone := self._backbones.get(word) or self._with_short_name(word):
            yield backbone

    def _backbones_in(self, name: str) -> Iterator[ModelCard]:
        """The backbones after which a composition may have named a model."""
        for plugin in self._plugins:
            composition = plugin.manifest.composition if plugin.manifest else None
            if composition is None:
                continue
            before, _, after = composition.name.partition("{backbone}")
            if len(name) <= len(before) + len(after) or not (name.startswith(before) and name.endswith(after)):
                continue
            label = name[len(before) : len(name) - len(after)]
            family, _, rest = label.partition(".")
            yield from filter(None, (self._with_short_name(label), self._backbones.get(f"{family}/{rest}")))

    def _with_short_name(self, name: str) -> ModelCard | None:
        card = self._meanings.get(name)
        return self._backbones.get(card.full_name) if card else None

    def _has_short_name(self, card: ModelCard) -> bool:
        return self._meanings.get(card.name) is card


def _words(value: object) -> list[str]:
    """The words of a filter's value; what is wrong with it, the filter says."""
    if isinstance(value, str):
        return [value]
    return [word for word in value if isinstance(word, str)] if isinstance(value, list | tuple | set) else []


def _is_pattern(word: str) -> bool:
    return any(sign in word for sign in "*?[")
