"""Asking a model's owner: hooks modules are imported here, when one of their models is used."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator, Sequence
from inspect import signature
from types import ModuleType
from typing import ParamSpec, TypeVar, cast

import pluggy

from vistry.errors import suggestion
from vistry.plugin import hooks, manifest_answers
from vistry.registry.broken_plugin import BrokenPluginError as BrokenPluginError
from vistry.registry.cards import ModelCard
from vistry.registry.catalogue import Catalogue
from vistry.registry.discovery import Plugin
from vistry.registry.manifest import Manifest

HOOK_NAMES = tuple(name for name in vars(hooks) if name.startswith("vistry_"))

# Queries run no plugin's code unless its manifest says that these hooks compute something.
_COMPUTING = {"vistry_default_hyperparameters": "defaults", "vistry_kernels": "kernels"}

Arguments = ParamSpec("Arguments")
Answer = TypeVar("Answer")


class _OwnerManager(pluggy.PluginManager):
    """Calls the owner's implementations and core's; of any other plugin, its wrappers."""

    def __init__(self, owner_hooks: object, core_answers: Sequence[ModuleType]):
        super().__init__("vistry")
        self._answering = (owner_hooks, *core_answers)
        self.add_hookspecs(hooks)
        for answers in core_answers:
            self.register(answers, answers.__name__)

    def parse_hookimpl_opts(self, plugin: object, name: str) -> pluggy.HookimplOpts | None:
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


class OwnerHooks:
    """The hooks of one plugin, with core's answers after its own and other plugins' wrappers around them.

    Making one imports the plugin, so make it once and pass it on.
    """

    def __init__(self, catalogue: Catalogue, owner: Plugin, core_answers: Sequence[ModuleType] = ()):
        """Load a plugin's hooks. Raises BrokenPluginError if the code can't be used.

        A wrapper that can't be loaded stops the call too: its owner asked to be part of every such call.

        Args:
            catalogue: the plugins in use, among which are the wrappers.
            owner: the plugin to ask.
            core_answers: modules of hooks that answer after the owner, beside those that a manifest can answer.
        """
        hooks_module = load(owner)
        manager = _OwnerManager(hooks_module, [manifest_answers, *core_answers])
        for plugin in catalogue.plugins:
            if plugin.in_use and plugin.manifest and plugin.manifest.wraps and plugin is not owner:
                manager.add(plugin, load(plugin))
        manager.add(owner, hooks_module)
        self._relay = manager.hook

    @classmethod
    def of_model(cls, catalogue: Catalogue, card: ModelCard, core_answers: Sequence[ModuleType] = ()) -> OwnerHooks:
        """Load the hooks of the plugin that owns a model. Raises BrokenPluginError."""
        names = (card.family, card.distribution)
        owner = next(plugin for plugin in catalogue.plugins if (plugin.name, plugin.distribution) == names)
        return cls(catalogue, owner, core_answers)

    def ask(self, hook: Callable[Arguments, Answer], /, *args: Arguments.args, **arguments: Arguments.kwargs) -> Answer:
        """Call a hook of `vistry.plugin.hooks` by its own signature, with keyword arguments alone.

        The answer is None where neither the plugin nor core has one.
        """
        assert not args, "hooks take keyword arguments"
        return cast(Answer, getattr(self._relay, hook.__name__)(**arguments))


def load(plugin: Plugin) -> object:
    """Import a plugin's hooks module and check it. Raises BrokenPluginError."""
    hooks_module = _import(plugin)
    for reason in _problems(plugin, hooks_module):
        raise BrokenPluginError(plugin, reason, f"correct {_place(plugin, hooks_module)}")
    return hooks_module


def check_hooks(plugin: Plugin) -> None:
    """Import a plugin and register its hooks. Raises BrokenPluginError."""
    hooks_module = load(plugin)
    _OwnerManager(hooks_module, [manifest_answers]).add(plugin, hooks_module)


def _import(plugin: Plugin) -> object:
    """Return the object whose functions are a plugin's hooks. Raises BrokenPluginError."""
    reference = plugin.manifest.hooks if plugin.manifest else ""
    module_name, _, attribute = reference.partition(":")
    if not module_name:  # a plugin without models that wraps nothing needs no hooks
        return ModuleType(plugin.name)
    try:
        module = importlib.import_module(module_name)
    except (Exception, SystemExit) as error:
        reason = f"importing {module_name} failed: {type(error).__name__}: {error}"
        raise BrokenPluginError(plugin, reason, f'to see where, type: python -c "import {module_name}"') from error
    if attribute and not hasattr(module, attribute):
        reason = f"plugin.toml says hooks = \"{reference}\", but {module_name} has no '{attribute}'"
        raise BrokenPluginError(plugin, reason, f"correct {plugin.path}")
    return cast(object, getattr(module, attribute)) if attribute else module


def _problems(plugin: Plugin, hooks_module: object) -> Iterator[str]:
    """Yield the reasons why an object's functions aren't the hooks that the manifest promises."""
    functions = {name: getattr(hooks_module, name) for name in dir(hooks_module)}
    implementations = {
        name: function
        for name, function in functions.items()
        if callable(function) and (name.startswith("vistry_") or hasattr(function, "vistry_impl"))
    }
    for name, function in implementations.items():
        yield from _problems_of_hook(name, function, plugin.manifest)
    if plugin.models and "vistry_build_model" not in implementations:
        yield "it has models but no hook 'vistry_build_model' to build them"


def _problems_of_hook(name: str, function: Callable[..., object], manifest: Manifest | None) -> Iterator[str]:
    options: pluggy.HookimplOpts | None = getattr(function, "vistry_impl", None)
    if name not in HOOK_NAMES:
        yield f"there is no hook '{name}'; {suggestion(name, HOOK_NAMES)}".rstrip("; ")
    elif not options:
        yield f"'{name}' lacks @hookimpl above it"
    elif unknown := [word for word in signature(function).parameters if word not in _arguments(name)]:
        hint = suggestion(unknown[0], _arguments(name))
        yield f"'{name}' has an argument '{unknown[0]}' that the hook doesn't have; {hint}"
    elif _wraps(options) and manifest and name not in manifest.wraps:
        yield f"'{name}' wraps other plugins, but plugin.toml doesn't say so; add wraps = [\"{name}\"]"
    elif (what := _COMPUTING.get(name)) and not _wraps(options) and not getattr(manifest, f"computes_{what}", True):
        yield f"'{name}' computes {what}, but plugin.toml doesn't say so; add computes_{what} = true"


def _arguments(hook: str) -> list[str]:
    return list(signature(getattr(hooks, hook)).parameters)


def _wraps(options: pluggy.HookimplOpts) -> bool:
    return options["wrapper"] or options["hookwrapper"]


def _place(plugin: Plugin, hooks_module: object) -> str:
    """Return the file to correct, or the manifest's reference where the hooks aren't a module."""
    reference = plugin.manifest.hooks if plugin.manifest else plugin.name
    return getattr(hooks_module, "__file__", None) or reference
