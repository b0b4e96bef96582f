"""Families that exist on other plugins' backbones: which of their models are checked."""

from __future__ import annotations

from collections.abc import Iterable

from vistry.registry.cards import ModelCard
from vistry.registry.catalogue import Catalogue
from vistry.registry.discovery import Plugin
from vistry.registry.manifest import ModelSpec
from vistry.registry.policy import Policy


def offers_maps(plugin: Plugin) -> bool:
    """Return whether a model of a plugin that works can be a backbone."""
    return plugin.in_use and any(model.feature_maps for model in _models(plugin))


def composes(plugin: Plugin) -> bool:
    """Return whether a plugin that works has models on other plugins' backbones."""
    return plugin.in_use and plugin.manifest is not None and plugin.manifest.composition is not None


def with_backbones(plugin: Plugin, installed: Iterable[Plugin]) -> Catalogue:
    """Return the catalogue of a plugin and of the other plugins that offer feature maps, without any policy."""
    others = [other for other in installed if offers_maps(other) and not _same(other, plugin)]
    return Catalogue.of([plugin, *others], Policy())


def backbones_in(catalogue: Catalogue) -> list[ModelCard]:
    """Return the models that offer feature maps, the smallest first."""
    return sorted((card for card in catalogue.cards if card.feature_maps), key=lambda card: card.parameters)


def composed_models(plugin: Plugin, catalogue: Catalogue) -> list[ModelCard]:
    """Return a plugin's models on backbones of the catalogue, the smallest first."""
    own = [card for card in own_models(plugin, catalogue) if card.backbone]
    return sorted(own, key=lambda card: card.parameters)


def own_models(plugin: Plugin, catalogue: Catalogue) -> list[ModelCard]:
    """Return the models of a plugin."""
    return [card for card in catalogue.cards if (card.family, card.distribution) == (plugin.name, plugin.distribution)]


def representatives(plugin: Plugin, catalogue: Catalogue) -> tuple[ModelCard, ...]:
    """Return the models that its manifest writes down, with the smallest composed one if none of those is composed."""
    written = [card for card in own_models(plugin, catalogue) if card.name in plugin.models]
    composed = composed_models(plugin, catalogue)
    alone = [] if any(card.backbone for card in written) else composed[:1]
    return (*written, *alone)


def _models(plugin: Plugin) -> Iterable[ModelSpec]:
    return plugin.manifest.models.values() if plugin.manifest else ()


def _same(first: Plugin, second: Plugin) -> bool:
    return (first.name, first.distribution) == (second.name, second.distribution)
