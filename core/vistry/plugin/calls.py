"""Asking a model's owner: hooks modules are imported here, when one of their models is used."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from inspect import signature
from typing import Any

import pluggy

from vistry.errors import RegistryError, suggestion
from vistry.plugin import hooks
from vistry.registry.cards import ModelCard
from vistry.registry.catalogue import Catalogue
from vistry.registry.discovery import Plugin
from vistry.registry.manifest import Manifest
from vistry.registry.policy import Policy
from vistry.task import hook_defaults as hook_fallbacks

_COMPUTING = {"vistry_default_hyperparameters": "defaults", "vistry_kernels": "kernels"}
HOOK_NAMES = tuple(name for name in vars(hooks) if name.startswith("vistry_"))


class BrokenPluginError(RegistryError):
    """A plugin whose code can't be used, with the reason and what to type."""

    def __init__(self, plugin: Plugin, reason: str, remedy: str):
        self.plugin = plugin
        self.reason = reason
        self.remedy = f"{remedy}, or go on without it: vistry plugins disable {plugin.handle}"
        super().__init__(
            f"the plugin '{plugin.name}' of {plugin.distribution} {plugin.version} is broken: {reason}; {self.remedy}"
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
        if options and plugin not in self._answering and not _wraps(options):
            return None
        return options

    def add(self, plugin: Plugin, hooks_module: object) -> None:
        """Register a plugin's hooks. Raises BrokenPluginError where pluggy refuses one."""
        try:
            self.register(hooks_module, plugin.name)
        except pluggy.PluginValidationError as error:
            reason = " ".join(str(error).split("\n")[-1].split())
            raise BrokenPluginError(plugin, reason, f"correct {_place(plugin, hooks_module)}") from error


def load(plugin: Plugin) -> Any:
    """Import a plugin and check its hooks. Raises BrokenPluginError."""
    hooks_module = _import(plugin)
    for reason in _faults(plugin, hooks_module):
        raise BrokenPluginError(plugin, reason, f"correct {_place(plugin, hooks_module)}")
    return hooks_module


def hooks_of(catalogue: Catalogue, card: ModelCard) -> Any:
    """The hooks to call for a model. Raises BrokenPluginError if its owner's code can't be used.

    A wrapper that can't be loaded stops the call too: its owner asked to be part of every such call.
    """
    return hooks_of_plugin(catalogue, _owner(catalogue, card))


def hooks_of_plugin(catalogue: Catalogue, owner: Plugin) -> Any:
    """The hooks to call for what a plugin brings. Raises BrokenPluginError as `hooks_of` does."""
    hooks_module = load(owner)
    manager = _OwnersHooks(hooks_module)
    for plugin in catalogue.plugins:
        if plugin.in_use and plugin.manifest and plugin.manifest.wraps and plugin is not owner:
            manager.add(plugin, load(plugin))
    manager.add(owner, hooks_module)
    return manager.hook


def checked(catalogue: Catalogue) -> list[Plugin]:
    """Every plugin with its state after its code has been imported: the one query that runs plugins."""
    return [_checked(plugin) if plugin.in_use else plugin for plugin in catalogue.plugins]


def _checked(plugin: Plugin) -> Plugin:
    try:
        hooks_module = load(plugin)
        _OwnersHooks(hooks_module).add(plugin, hooks_module)
        _check_schemas(plugin)
    except BrokenPluginError as error:
        return plugin.in_state("broken", error.reason, error.remedy)
    return plugin


def _check_schemas(plugin: Plugin) -> None:
    """Build the schema of each model and task, as if nothing else were installed. Raises BrokenPluginError."""
    from vistry.hyperparameter.schema import schema_of

    alone = Catalogue.of([plugin.in_state("ok", "", "")], Policy())
    for card in alone.cards:
        for task in card.tasks:
            try:
                schema_of(alone, card, task)
            except BrokenPluginError:
                raise
            except Exception as error:
                raise BrokenPluginError(plugin, str(error), f"correct {plugin.path}") from error


def _owner(catalogue: Catalogue, card: ModelCard) -> Plugin:
    names = (card.family, card.distribution)
    return next(plugin for plugin in catalogue.plugins if (plugin.name, plugin.distribution) == names)


def _import(plugin: Plugin) -> Any:
    """The object that carries a plugin's hooks. Raises BrokenPluginError."""
    reference = plugin.manifest.hooks if plugin.manifest else ""
    module_name, _, attribute = reference.partition(":")
    try:
        module = importlib.import_module(module_name)
    except (Exception, SystemExit) as error:
        reason = f"importing {module_name} failed: {type(error).__name__}: {error}"
        raise BrokenPluginError(plugin, reason, f'to see where, type: python -c "import {module_name}"') from error
    if attribute and not hasattr(module, attribute):
        reason = f"plugin.toml says hooks = \"{reference}\", but {module_name} has no '{attribute}'"
        raise BrokenPluginError(plugin, reason, f"correct {plugin.path}")
    return getattr(module, attribute) if attribute else module


def _faults(plugin: Plugin, hooks_module: Any) -> Iterator[str]:
    """What keeps an object's functions from being the hooks that the manifest promises."""
    functions = {name: getattr(hooks_module, name) for name in dir(hooks_module)}
    hooklike = {
        name: function
        for name, function in functions.items()
        if callable(function) and (name.startswith("vistry_") or hasattr(function, "vistry_impl"))
    }
    for name, function in hooklike.items():
        yield from _faults_of(name, function, plugin.manifest)
    if plugin.models and "vistry_build_model" not in hooklike:
        yield "it has models and no hook 'vistry_build_model' to build them"


def _faults_of(name: str, function: Any, manifest: Manifest | None) -> Iterator[str]:
    options = getattr(function, "vistry_impl", None)
    if name not in HOOK_NAMES:
        yield f"there is no hook '{name}'; {suggestion(name, HOOK_NAMES)}".rstrip("; ")
    elif not options:
        yield f"'{name}' lacks @hookimpl above it"
    elif strange := [word for word in signature(function).parameters if word not in _arguments(name)]:
        hint = suggestion(strange[0], _arguments(name))
        yield f"'{name}' has an argument '{strange[0]}' that the hook has not; {hint}"
    elif _wraps(options) and manifest and name not in manifest.wraps:
        yield f"'{name}' wraps other plugins, and plugin.toml doesn't say so: add wraps = [\"{name}\"]"
    elif (what := _COMPUTING.get(name)) and not _wraps(options) and not getattr(manifest, f"computes_{what}", True):
        yield f"'{name}' computes {what}, and plugin.toml doesn't say so: add computes_{what} = true"


def _arguments(hook: str) -> list[str]:
    return list(signature(getattr(hooks, hook)).parameters)


def _wraps(options: Any) -> bool:
    return bool(options["wrapper"] or options["hookwrapper"])


def _place(plugin: Plugin, hooks_module: Any) -> str:
    """The file to correct, or the reference where the hooks are no module."""
    reference = plugin.manifest.hooks if plugin.manifest else plugin.name
    return getattr(hooks_module, "__file__", None) or reference
