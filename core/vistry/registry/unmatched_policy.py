"""Names in a registry.toml that match nothing installed: no error, since another environment may have them."""

from __future__ import annotations

from collections.abc import Iterator

from vistry.errors import RegistryError, suggestion
from vistry.registry.catalogue import Catalogue
from vistry.registry.policy import Layer


def notices(catalogue: Catalogue) -> list[str]:
    """A sentence for each such name, with its file and line."""
    return [
        notice
        for layer in catalogue.policy.layers
        for check in (_plugins, _preferences, _aliases, _models)
        for notice in check(catalogue, layer)
    ]


def _plugins(catalogue: Catalogue, layer: Layer) -> Iterator[str]:
    installed = [name for plugin in catalogue.plugins for name in (plugin.name, plugin.distribution)]
    for key in ("disable", "enable", "last"):
        for number, name in enumerate(getattr(layer.tables.plugins, key)):
            if name not in installed:
                hint = suggestion(name, installed)
                yield f"{layer.where('plugins', key, number)}: no plugin '{name}' is installed; {hint}".rstrip("; ")


def _preferences(catalogue: Catalogue, layer: Layer) -> Iterator[str]:
    for model, owner in layer.tables.prefer.items():
        offering = [plugin for plugin in catalogue.plugins if model in plugin.models]
        if not any(owner in (plugin.name, plugin.distribution) for plugin in offering):
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
