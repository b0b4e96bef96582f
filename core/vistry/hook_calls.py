"""Asking a model's owner: hooks modules are imported here, when one of their models is used."""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import Any

import pluggy

from vistry import hook_fallbacks, hooks
from vistry.errors import RegistryError, suggestion
from vistry.registry.cards import ModelCard
from vistry.registry.catalogue import Catalogue
from vistry.registry.discovery import Plugin

HOOK_NAMES = tuple(name for name in vars(hooks) if name.startswith("vistry_"))


class BrokenPluginError(RegistryError):
    """A plugin whose code can't be used, with the reason and what to type."""

    def __init__(self, plugin: Plugin, reason: str, remedy: str):
        self.plugin = plugin
        self.reason = reason
        self.remedy = remedy
        super().__init__(
            f"the plugin '{plugin.name}' of {plugin.distribution} {plugin.version} is broken: {reason}; {remedy}"
        )


class _OwnersHooks(pluggy.PluginManager):
    """Calls the owner's implementations and core's; of any other plugin, its wrappers."""

    def __init__(self, owner: object):
        super().__init__("vistry")
        self._answering = (owner, hook_fallbacks)
        self.add_hookspecs(hooks)
        self.register(hook_fallbacks, "vistry")

    def parse_hookimpl_opts(self, plugin: object, name: str) -> Any:
        options = super().parse_hookimpl_opts(plugin, name)
        if options and plugin not in self._answering and not options["wrapper"]:
            return None
        return options


def _import(plugin: Plugin) -> Any:
    """The object that carries a plugin's hooks. Raises BrokenPluginError."""
    assert plugin.manifest is not None
    module_name, _, attribute = plugin.manifest.hooks.partition(":")
    see = f"to see why, type: python -c 'import {module_name}'; to go on without it: vistry plugins disable {plugin.name}"
    try:
        module: Any = importlib.import_module(module_name)
    except Exception as error:
        raise BrokenPluginError(
            plugin, f"importing {module_name} failed: {type(error).__name__}: {error}", see
        ) from error
    if not attribute:
        return module
    try:
        return getattr(module, attribute)
    except AttributeError:
        raise BrokenPluginError(
            plugin,
            f"plugin.toml says hooks = \"{plugin.manifest.hooks}\", but {module_name} has no '{attribute}'",
            f"correct {plugin.path}, or type: vistry plugins disable {plugin.name}",
        ) from None


def _check_names(plugin: Plugin, carrier: Any) -> None:
    """Raise BrokenPluginError where a function looks like a hook and is none, or isn't declared."""
    assert plugin.manifest is not None
    mend = f"correct {getattr(carrier, '__file__', plugin.manifest.hooks)}, or type: vistry plugins disable {plugin.name}"
    for name in dir(carrier):
        function = getattr(carrier, name)
        options = getattr(function, "vistry_impl", None)
        if not callable(function) or not (name.startswith("vistry_") or options):
            continue
        if name not in HOOK_NAMES:
            reason = f"there is no hook '{name}'; {suggestion(name, HOOK_NAMES)}".rstrip("; ")
            raise BrokenPluginError(plugin, reason, mend)
        if not options:
            raise BrokenPluginError(plugin, f"'{name}' lacks @hookimpl above it", mend)
        if options["wrapper"] and name not in plugin.manifest.wraps:
            reason = f"'{name}' wraps other plugins, and plugin.toml doesn't say so: add wraps = [\"{name}\"]"
            raise BrokenPluginError(plugin, reason, mend)
        if (
            name == "vistry_default_hyperparameters"
            and not options["wrapper"]
            and not plugin.manifest.computes_defaults
        ):
            reason = f"'{name}' computes defaults, and plugin.toml doesn't say so: add computes_defaults = true"
            raise BrokenPluginError(plugin, reason, mend)


def load(plugin: Plugin) -> Any:
    """Import and check a plugin's hooks. Raises BrokenPluginError."""
    carrier = _import(plugin)
    _check_names(plugin, carrier)
    return carrier


def hooks_of(catalogue: Catalogue, card: ModelCard) -> Any:
    """The hooks to call for a model. Raises BrokenPluginError if its owner's code can't be used.

    A wrapper that can't be loaded stops the call too: its owner asked to be part of every such call.
    """
    owner = _owner(catalogue, card)
    owner_hooks = load(owner)
    manager = _OwnersHooks(owner_hooks)
    wrapping = [
        plugin
        for plugin in catalogue.plugins
        if plugin.state in ("ok", "conflict") and plugin.manifest and plugin.manifest.wraps and plugin != owner
    ]
    for plugin in [*wrapping, owner]:
        carrier = owner_hooks if plugin is owner else load(plugin)
        try:
            manager.register(carrier, plugin.name)
        except pluggy.PluginValidationError as error:
            reason = " ".join(str(error).split("\n")[-1].split())
            mend = f"correct {_file(carrier)}, or type: vistry plugins disable {plugin.name}"
            raise BrokenPluginError(plugin, reason, mend) from error
    return manager.hook


def _file(carrier: Any) -> str:
    return carrier.__file__ or "" if isinstance(carrier, ModuleType) else str(carrier)


def _owner(catalogue: Catalogue, card: ModelCard) -> Plugin:
    return next(
        plugin
        for plugin in catalogue.plugins
        if (plugin.name, plugin.distribution) == (card.family, card.distribution)
    )


def checked(catalogue: Catalogue) -> list[Plugin]:
    """Every plugin with its state after its code has been imported: the one query that runs plugins."""
    result = []
    for plugin in catalogue.plugins:
        if plugin.state == "ok":
            try:
                _OwnersHooks(carrier := load(plugin)).register(carrier, plugin.name)
            except BrokenPluginError as error:
                plugin = plugin.in_state("broken", error.reason, error.remedy)
            except pluggy.PluginValidationError as error:
                reason = " ".join(str(error).split("\n")[-1].split())
                plugin = plugin.in_state(
                    "broken", reason, f"correct {plugin.path}, or type: vistry plugins disable {plugin.name}"
                )
        result.append(plugin)
    return result
