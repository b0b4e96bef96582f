"""The error of a plugin whose code can't be used."""

from __future__ import annotations

from vistry.errors import RegistryError
from vistry.registry.discovery import Plugin


class BrokenPluginError(RegistryError):
    """A plugin whose code can't be used, with the reason and the command to type."""

    def __init__(self, plugin: Plugin, reason: str, remedy: str):
        self.plugin = plugin
        self.reason = reason
        self.remedy = f"{remedy}, or go on without it: vistry plugins disable {plugin.handle}"
        super().__init__(
            f"the plugin '{plugin.name}' of {plugin.distribution} {plugin.version} is broken: {reason}; {self.remedy}"
        )
