"""Asking a model's owner: hooks modules are imported here, when one of their models is used."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from inspect import signature
from types import ModuleType
from typing import ParamSpec, TypeVar, cast

import pluggy

from vistry.errors import Problem, suggestion
from vistry.plugin import hooks, manifest_answers
from vistry.plugin.implementation import HookAnswer, Implementation, Named
from vistry.registry.cards import ModelCard
from vistry.registry.catalogue import Catalogue
from vistry.registry.discovery import Plugin
from vistry.registry.manifest import Manifest
from vistry.registry.plugin_code import BrokenPluginError, PluginCode, file_of, owns
from vistry.registry.wrappers import wrapping_plugins

__all__ = ["HOOK_NAMES", "BrokenPluginError", "OwnerHooks", "Review", "check_hooks", "load"]

HOOK_NAMES = tuple(name for name in vars(hooks) if name.startswith("vistry_"))

# Queries run no plugin's code unless its manifest says that these hooks compute something.
_COMPUTING = {"vistry_default_hyperparameters": "defaults", "vistry_kernels": "kernels"}

Arguments = ParamSpec("Arguments")
Answer = TypeVar("Answer")


class _Manager(pluggy.PluginManager):
    """Knows the owner's implementations, and of any other plugin the wrappers."""

    def __init__(self, owner_hooks: object):
        super().__init__("vistry")
        self._owner_hooks = owner_hooks
        self.add_hookspecs(hooks)

    def parse_hookimpl_opts(self, plugin: object, name: str) -> pluggy.HookimplOpts | None:
        options = super().parse_hookimpl_opts(plugin, name)
        if options and plugin is not self._owner_hooks and not options["wrapper"]:
            return None
        return options

    def add(self, plugin: Plugin, hooks_module: object) -> None:
        """Register a plugin's hooks. Raises BrokenPluginError where pluggy refuses one."""
        try:
            self.register(hooks_module, plugin.handle)
        except pluggy.PluginValidationError as error:
            reason = " ".join(str(error).split("\n")[-1].split())
            raise BrokenPluginError(plugin, reason, f"correct {_place(plugin, hooks_module)}") from error


Review = Callable[[Implementation | None, HookAnswer, HookAnswer], HookAnswer]
"""`review(author, before, answer)`: what becomes of an answer before the next wrapper, or core, is given it.

`author` has answered; it is None where core has. `before` is what a wrapper was given, None for the first answer.
"""


class OwnerHooks:
    """The hooks of one plugin, with core's answers after its own and the wrappers of all plugins around them.

    Making one imports the plugin, so make it once and pass it on.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        owner: Plugin,
        core_answers: Sequence[ModuleType] = (),
        reviews: Mapping[str, Review] | None = None,
    ):
        """Load a plugin's hooks. Raises BrokenPluginError if the code can't be used.

        A wrapper that can't be loaded stops the call too: its owner asked to be part of every such call.

        Args:
            catalogue: the plugins in use, among which are the wrappers.
            owner: the plugin to ask.
            core_answers: modules of hooks that answer after the owner, beside those that a manifest can answer.
            reviews: by hook, what becomes of each answer on its way through the wrappers.
        """
        self.plugin = owner
        self.others = tuple(plugin for plugin in catalogue.plugins if plugin.in_use and plugin is not owner)
        self._reviews = {"vistry_check_hyperparameters": _added_up, **(reviews or {})}
        self._core_answers = (manifest_answers, *core_answers)
        hooks_module = load(owner)
        manager = _Manager(hooks_module)
        self._plugins = {plugin.handle: plugin for plugin in (*wrapping_plugins(catalogue), owner)}
        for plugin in self._plugins.values():
            manager.add(plugin, hooks_module if plugin is owner else load(plugin))
        self._relay = manager.hook

    @classmethod
    def of_model(
        cls,
        catalogue: Catalogue,
        card: ModelCard,
        core_answers: Sequence[ModuleType] = (),
        reviews: Mapping[str, Review] | None = None,
    ) -> OwnerHooks:
        """Load the hooks of the plugin that owns a model. Raises BrokenPluginError."""
        names = (card.family, card.distribution)
        owner = next(plugin for plugin in catalogue.plugins if (plugin.name, plugin.distribution) == names)
        return cls(catalogue, owner, core_answers, reviews=reviews)

    def ask(self, hook: Callable[Arguments, Answer], /, *args: Arguments.args, **arguments: Arguments.kwargs) -> Answer:
        """Call a hook of `vistry.plugin.hooks` by its own signature, with keyword arguments alone.

        The owner answers, else core; the wrappers are around that in the order of `wrapping_plugins`. The answer is
        None where neither the plugin nor core has one. Raises BrokenPluginError where a plugin's code fails, or its
        answer breaks the hook's contract.
        """
        assert not args, "hooks take keyword arguments"
        name = hook.__name__
        return cast(Answer, self._through(name, self._wrappers(name), arguments))

    def implementation(self, hook: Callable[..., object]) -> Implementation | None:
        """Return the plugin's own function for a hook, None where it has none."""
        return next(self._implementations(hook.__name__, wrappers=False), None)

    def author(self, hook: Callable[..., object], built: object) -> Implementation | None:
        """Return the function that made what a hook answered, as far as that can be told; None where only core did."""
        own = self.implementation(hook)
        last_first = [*reversed(self._wrappers(hook.__name__)), *([own] if own else [])]
        file = file_of(built)
        return next((one for one in last_first if owns(one.plugin, file)), next(iter(last_first), None))

    def _wrappers(self, hook: str) -> list[Implementation]:
        order = list(self._plugins)
        return sorted(self._implementations(hook, wrappers=True), key=lambda one: order.index(one.plugin.handle))

    def _implementations(self, hook: str, *, wrappers: bool) -> Iterator[Implementation]:
        for known in getattr(self._relay, hook).get_hookimpls():
            if known.wrapper == wrappers:
                yield Implementation(hook, self._plugins[known.plugin_name], known.function, others=self.others)

    def _through(self, hook: str, wrappers: Sequence[Implementation], arguments: Named) -> HookAnswer:
        """Return what becomes of the answer on its way through some wrappers, the last of which is the outermost."""
        if not wrappers:
            return self._inmost(hook, arguments)
        *inner, last = wrappers
        before, answer = last.answer_around(lambda: self._through(hook, inner, arguments), arguments)
        return self._reviewed(hook, before, answer, author=last)

    def _inmost(self, hook: str, arguments: Named) -> HookAnswer:
        """Return the plugin's own answer, else core's."""
        own = next(self._implementations(hook, wrappers=False), None)
        answer = own.answer(arguments) if own else self._core_answer(hook, arguments)
        return self._reviewed(hook, None, answer, author=own)

    def _core_answer(self, hook: str, arguments: Named) -> HookAnswer:
        for answers in self._core_answers:
            if function := getattr(answers, hook, None):
                return function(**{name: arguments[name] for name in signature(function).parameters})
        return None

    def _reviewed(
        self, hook: str, before: HookAnswer, answer: HookAnswer, *, author: Implementation | None
    ) -> HookAnswer:
        review = self._reviews.get(hook)
        return review(author, before, answer) if review else answer


def _added_up(author: Implementation | None, before: Sequence[Problem] | None, answer: Sequence[Problem]) -> HookAnswer:
    """Keep the problems of everybody: a wrapper may add some, and takes none back. Each names its plugin."""
    known = list(before or ())
    plugin = author.plugin.name if author else ""
    new = [replace(problem, plugin=problem.plugin or plugin) for problem in answer if problem not in known]
    return [*known, *new]


def load(plugin: Plugin) -> object:
    """Import a plugin's hooks module and check it. Raises BrokenPluginError."""
    hooks_module = _import(plugin)
    for reason in _problems(plugin, hooks_module):
        raise BrokenPluginError(plugin, reason, f"correct {_place(plugin, hooks_module)}")
    return hooks_module


def check_hooks(plugin: Plugin) -> None:
    """Import a plugin and register its hooks. Raises BrokenPluginError."""
    hooks_module = load(plugin)
    _Manager(hooks_module).add(plugin, hooks_module)


def _import(plugin: Plugin) -> object:
    """Return the object whose functions are a plugin's hooks. Raises BrokenPluginError."""
    reference = plugin.manifest.hooks if plugin.manifest else ""
    module_name, _, attribute = reference.partition(":")
    if not module_name:  # a plugin without models that wraps nothing needs no hooks
        return ModuleType(plugin.name)
    try:
        module = importlib.import_module(module_name)
    except (Exception, SystemExit) as error:
        fault = PluginCode(plugin, f"importing {module_name}", None).fault(error)
        remedy = f'to see where, type: python -c "import {module_name}"'
        raise BrokenPluginError(plugin, fault.reason, remedy, details=fault.details) from error
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
    elif options["hookwrapper"]:
        yield f"'{name}' is a wrapper of pluggy's old kind; write @hookimpl(wrapper=True), and return the answer"
    elif options["tryfirst"] or options["trylast"]:
        yield f"'{name}' asks for a place with tryfirst or trylast, but plugins' names give the order"
    elif options["wrapper"] and manifest and name not in manifest.wraps:
        yield f"'{name}' wraps other plugins, but plugin.toml doesn't say so; add wraps = [\"{name}\"]"
    elif (what := _COMPUTING.get(name)) and not options["wrapper"] and not getattr(manifest, f"computes_{what}", True):
        yield f"'{name}' computes {what}, but plugin.toml doesn't say so; add computes_{what} = true"


def _arguments(hook: str) -> list[str]:
    return list(signature(getattr(hooks, hook)).parameters)


def _place(plugin: Plugin, hooks_module: object) -> str:
    """Return the file to correct, or the manifest's reference where the hooks aren't a module."""
    reference = plugin.manifest.hooks if plugin.manifest else plugin.name
    return getattr(hooks_module, "__file__", None) or reference
