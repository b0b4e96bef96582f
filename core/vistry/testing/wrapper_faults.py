"""What a plugin's wrappers do to the models of others: each hook that can be asked without building one is asked."""

from __future__ import annotations

from collections.abc import Iterator

from vistry.errors import VistryError
from vistry.hyperparameter.schema import schema_of
from vistry.hyperparameter.values import Hyperparameters
from vistry.plugin import hooks
from vistry.plugin.calls import BrokenPluginError, OwnerHooks
from vistry.registry.cards import ModelCard, distinct
from vistry.registry.catalogue import Catalogue
from vistry.registry.discovery import Plugin
from vistry.registry.policy import Policy


def wrapper_faults(catalogue: Catalogue, plugin: Plugin) -> Iterator[BrokenPluginError]:
    """Yield a plugin's faults in the calls of other plugins' models, and its own, which it wraps.

    The other wrappers take no part, nor does any policy.
    """
    if plugin.manifest is None or not plugin.manifest.wraps:
        return
    alone = Catalogue.of(
        [other for other in catalogue.plugins if other.in_use and _takes_part(other, plugin)], Policy()
    )
    for card in distinct(alone.cards):
        for task in card.tasks:
            try:
                _ask(alone, card, task)
            except BrokenPluginError as error:
                if error.plugin.handle == plugin.handle:
                    yield error
            except VistryError:
                continue  # a fault of the model's owner, who is told elsewhere


def _takes_part(other: Plugin, plugin: Plugin) -> bool:
    return other.handle == plugin.handle or not (other.manifest and other.manifest.wraps)


def _ask(catalogue: Catalogue, card: ModelCard, task: str) -> None:
    """Ask the hooks of a model that build nothing, with its defaults. Raises VistryError."""
    values = Hyperparameters(schema_of(catalogue, card, task).explain())
    owner = OwnerHooks.of_model(catalogue, card)
    owner.ask(hooks.vistry_freezing_map, card=card, task=task)
    owner.ask(hooks.vistry_check_hyperparameters, card=card, task=task, hyperparameters=values)
    owner.ask(hooks.vistry_preprocessing, card=card, task=task, hyperparameters=values)
    owner.ask(hooks.vistry_resolve_auto, card=card, task=task, hyperparameters=values, weight_names=())
