"""The code of a model's owner behind what it built, to name where that fails."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from vistry.plugin import hooks
from vistry.plugin.calls import OwnerHooks
from vistry.plugin.types import Module
from vistry.registry.plugin_code import PluginCode, file_of, owns


@dataclass(frozen=True)
class OwnerCode:
    """What the owner of a model, by its full name, built."""

    owner: OwnerHooks
    model: str

    def of_module(self, module: Module, part: str) -> PluginCode:
        """Return a part of a module's code, such as "the forward pass"; a backbone's plugin may be at fault, too."""
        builder = self.owner.implementation(hooks.vistry_build_model)
        forward = getattr(type(module), "forward", None) or type(module).__call__
        source = forward if owns(self.owner.plugin, file_of(forward)) else builder and builder.function
        return PluginCode(self.owner.plugin, f"{part} of {self.model}", source, others=self.owner.others)

    def of_freezing_map(self) -> PluginCode:
        """Return the code that the freezing map comes from."""
        return self._of_answer(hooks.vistry_freezing_map, "the freezing map")

    def of_rate_factors(self) -> PluginCode:
        """Return the code that the factors on the learning rate come from."""
        return self._of_answer(hooks.vistry_rate_factors, "the answer of vistry_rate_factors")

    def _of_answer(self, hook: Callable[..., object], part: str) -> PluginCode:
        own = self.owner.implementation(hook)
        return PluginCode(self.owner.plugin, f"{part} of {self.model}", own and own.function, others=self.owner.others)

    def of_built(self, built: object, part: str, hook: Callable[..., object]) -> PluginCode | None:
        """Return the code of what a hook built; None where core alone built it."""
        author = self.owner.author(hook, built)
        if author is None:
            return None
        name = f"{part} that {hook.__name__} built for {self.model}"
        return PluginCode(author.plugin, name, author.function, others=author.others)
