"""The plugins that take part in the hooks of others, in their order; their manifests say so."""

from __future__ import annotations

from dataclasses import dataclass

from vistry.registry.catalogue import Catalogue
from vistry.registry.discovery import Plugin
from vistry.registry.records import WrappedHookRecord


def wrapping_plugins(catalogue: Catalogue, hook: str | None = None) -> tuple[Plugin, ...]:
    """Return the plugins in use that wrap a hook, or any: the first is next to the owner, the last has the last word.

    They are in the order of their names, whatever was installed first; those that registry.toml lists as
    `[plugins] last` come after the others, in its order.
    """
    last = catalogue.policy.last_plugins()

    def place(plugin: Plugin) -> tuple[int, str, str]:
        listed = [number for number, name in enumerate(last) if name in (plugin.name, plugin.distribution)]
        return (listed[0] if listed else -1, plugin.name, plugin.distribution)

    wrapping = [plugin for plugin in catalogue.plugins if plugin.in_use and _wraps(plugin, hook)]
    return tuple(sorted(wrapping, key=place))


def _wraps(plugin: Plugin, hook: str | None) -> bool:
    wraps = plugin.manifest.wraps if plugin.manifest else ()
    return bool(wraps) if hook is None else hook in wraps


@dataclass(frozen=True)
class WrappedHook:
    """A hook of all plugins that a plugin takes part in, among the others that do, in their order."""

    hook: str
    order: tuple[str, ...]

    def to_dict(self) -> WrappedHookRecord:
        """Return plain JSON values."""
        return {"hook": self.hook, "order": list(self.order)}


def wrapped_hooks(catalogue: Catalogue, plugin: Plugin) -> tuple[WrappedHook, ...]:
    """Return the hooks that a plugin wraps, by its manifest; its handle is in the order of each where it is in use."""
    wraps = plugin.manifest.wraps if plugin.manifest else ()
    return tuple(
        WrappedHook(hook, tuple(other.handle for other in wrapping_plugins(catalogue, hook))) for hook in wraps
    )


def stated_hooks(plugin: Plugin) -> tuple[str, ...]:
    """Return the hooks that a plugin must implement by its manifest; it may implement more."""
    manifest = plugin.manifest
    if manifest is None:
        return ()
    stated = {
        "vistry_build_model": bool(manifest.models or manifest.composition),
        "vistry_build_feature_maps": any(model.feature_maps for model in manifest.models.values()),
        "vistry_default_hyperparameters": manifest.computes_defaults,
        "vistry_kernels": manifest.computes_kernels,
    }
    return tuple(hook for hook, is_stated in stated.items() if is_stated)
