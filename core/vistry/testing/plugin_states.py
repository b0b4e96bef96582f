"""`vistry plugins check`: the state of every plugin after an import of its code."""

from __future__ import annotations

from vistry.hyperparameter.schema import schema_of
from vistry.plugin.calls import BrokenPluginError, check_hooks
from vistry.registry.cards import distinct
from vistry.registry.catalogue import Catalogue
from vistry.registry.discovery import Plugin
from vistry.registry.policy import Policy
from vistry.testing.wrapper_faults import wrapper_faults


def check_plugins(catalogue: Catalogue) -> list[Plugin]:
    """Import the code of the plugins in use; return all plugins with their states. The one query that runs code."""
    return [_check_plugin(catalogue, plugin) if plugin.in_use else plugin for plugin in catalogue.plugins]


def _check_plugin(catalogue: Catalogue, plugin: Plugin) -> Plugin:
    try:
        check_hooks(plugin)
        _check_schemas(plugin)
        for fault in wrapper_faults(catalogue, plugin):
            raise fault
    except BrokenPluginError as error:
        return plugin.in_state("broken", error.reason, error.remedy)
    return plugin


def _check_schemas(plugin: Plugin) -> None:
    """Build the schema of each model and task, as if nothing else were installed. Raises BrokenPluginError."""
    alone = Catalogue.of([plugin.in_state("ok", "", "")], Policy())
    for card in distinct(alone.cards):
        for task in card.tasks:
            try:
                schema_of(alone, card, task)
            except BrokenPluginError:
                raise
            except Exception as error:
                raise BrokenPluginError(plugin, str(error), f"correct {plugin.path}") from error
