"""What the list of plugins notes: records of other versions, and names in a registry.toml that match nothing.

Such a name is no error, since another environment may have what it means.
"""

from __future__ import annotations

from collections.abc import Iterator

from vistry.errors import RegistryError, suggestion
from vistry.registry.catalogue import Catalogue
from vistry.registry.names import is_called
from vistry.registry.policy import Layer


def notices(catalogue: Catalogue) -> list[str]:
    """A sentence for each: of plugins, then of names in policy, with file and line."""
    return [note for plugin in catalogue.plugins for note in plugin.notes] + [
        notice
        for layer in catalogue.policy.layers
        for check in (_plugins, _preferences, _aliases, _models)
        for notice in check(catalogue, layer)
    ]


def _plugins(catalogue: Catalogue, layer: Layer) -> Iterator[str]:
    installed = [name for plugin in catalogue.plugins for name in (plugin.name, plugin.distribution)]
    for key in ("disable", "enable", "last"):
        for number, name in enumerate(getattr(layer.tables.plugins, key)):
            if not any(is_called(name, plugin.name, plugin.distribution) for plugin in catalogue.plugins):
                hint = suggestion(name, installed)
                yield f"{layer.where('plugins', key, number)}: no plugin '{name}' is installed; {hint}".rstrip("; ")


def _preferences(catalogue: Catalogue, layer: Layer) -> Iterator[str]:
    for model, owner in layer.tables.prefer.items():
        offering = [
            plugin
            for plugin in catalogue.plugins
            if model in (*plugin.models, *(name for names in plugin.parts.values() for name in names))
        ]
        if not any(is_called(owner, plugin.name, plugin.distribution) for plugin in offering):
            yield f"{layer.where('prefer', model)}: no plugin '{owner}' offers a model '{model}'"


def _aliases(catalogue: Catalogue, layer: Layer) -> Iterator[str]:
    for alias in layer.tables.aliases:
        yield from _unknown(catalogue, alias, layer.where("aliases", alias))


def _models(catalogue: Catalogue, layer: Layer) -> Iterator[str]:
    for name in layer.tables.models:
        yield from _unknown(catalogue, name, layer.where("models", name))


def _unknown(catalogue: Catalogue, name: str, where: str) -> Iterator[str]:
    try:
        catalogue.model(name)
    except RegistryError as error:
        yield f"{where}: {error}"
