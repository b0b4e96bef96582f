"""The kernel table: the kernels of each operation. Reading it imports no tensor library."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from vistry.errors import RegistryError, suggestion
from vistry.kernels.core_kernels import CORE_KERNELS
from vistry.registry.catalogue import Catalogue
from vistry.registry.discovery import Plugin
from vistry.registry.manifest import KernelSpec, Manifest
from vistry.registry.names import is_called
from vistry.registry.policy import FILE_NAME
from vistry.registry.wrappers import wrapping_plugins

HOOK = "vistry_kernels"
CORE = "vistry"

Served = tuple[str, str]  # a type of device and a dtype, by torch's names


@dataclass(frozen=True)
class Kernel:
    """A kernel and the plugin that brings it; core's own are listed as the plugin and distribution `vistry`."""

    spec: KernelSpec
    plugin: str
    distribution: str

    def to_dict(self) -> dict[str, object]:
        """Return the kernel as plain JSON values."""
        spec = {
            key: list(value) if isinstance(value, tuple) else dict(value) if isinstance(value, Mapping) else value
            for key, value in vars(self.spec).items()
        }
        return {**spec, "plugin": self.plugin, "distribution": self.distribution}


def all_kernels(catalogue: Catalogue) -> list[Kernel]:
    """Return core's own kernels and those of every plugin in use, sorted by operation. Raises BrokenPluginError."""
    own = [Kernel(spec, CORE, CORE) for spec in CORE_KERNELS]
    return sorted([*own, *plugin_kernels(catalogue)], key=lambda kernel: (kernel.spec.operation, kernel.distribution))


def plugin_kernels(catalogue: Catalogue) -> list[Kernel]:
    """Return the kernels of every plugin in use.

    A plugin is imported only if it computes its kernels; if one wraps the hook, all are. Raises BrokenPluginError.
    """
    in_use = [(plugin, plugin.manifest) for plugin in catalogue.plugins if plugin.in_use and plugin.manifest]
    wrapped = bool(wrapping_plugins(catalogue, HOOK))
    kernels: list[Kernel] = []
    for plugin, manifest in in_use:
        is_computed = wrapped or manifest.computes_kernels
        specs = _computed_kernels(catalogue, plugin, manifest) if is_computed else manifest.kernels
        kernels += [Kernel(spec, plugin.name, plugin.distribution) for spec in specs]
    return kernels


def kernels_for(catalogue: Catalogue, operation: str) -> list[Kernel]:
    """Return the kernels of an operation.

    Raises RegistryError for an unknown operation, or if the kernels have different references or rules of casting.
    """
    kernels = all_kernels(catalogue)
    rivals = [kernel for kernel in kernels if kernel.spec.operation == operation]
    if not rivals:
        names = sorted({kernel.spec.operation for kernel in kernels})
        raise RegistryError(f"unknown operation '{operation}'; {suggestion(operation, names)}".rstrip("; "))
    _check_shared(operation, "reference implementation", {kernel.spec.reference: kernel for kernel in rivals})
    _check_shared(operation, "rule of casting", {kernel.spec.cast: kernel for kernel in rivals})
    return rivals


def _check_shared(operation: str, fact: str, values: Mapping[str, Kernel]) -> None:
    if len(values) > 1:
        listed = " and ".join(f"{value} ({kernel.distribution})" for value, kernel in values.items())
        raise RegistryError(
            f"kernels for '{operation}' must share one {fact}, got {listed}; "
            "rename one operation, or disable one of the plugins"
        )


def select(catalogue: Catalogue, rivals: Iterable[Kernel]) -> dict[Served, Kernel]:
    """Select, for each device and dtype, the kernel of one operation that serves it.

    Raises RegistryError if several do and policy prefers none of them.
    """
    claims: dict[Served, list[Kernel]] = defaultdict(list)
    for kernel in rivals:
        for served in kernel.spec.serves:
            claims[served].append(kernel)
    return {served: _winner(catalogue, served, claimants) for served, claimants in claims.items()}


def _winner(catalogue: Catalogue, served: Served, claimants: Sequence[Kernel]) -> Kernel:
    if len(claimants) == 1:
        return claimants[0]
    preferred = catalogue.policy.preferred_kernel(claimants[0].spec.operation)
    winners = [
        kernel for kernel in claimants if preferred and is_called(preferred.value, kernel.plugin, kernel.distribution)
    ]
    if len(winners) != 1:
        raise RegistryError(_conflict(claimants[0].spec.operation, served, claimants))
    return winners[0]


def _conflict(operation: str, served: Served, claimants: Sequence[Kernel]) -> str:
    owners = " and ".join(f"{kernel.spec.implementation} of {kernel.distribution}" for kernel in claimants)
    return (
        f"several kernels for '{operation}' on {served[0]} in {served[1]}: {owners}; "
        f'choose one in {FILE_NAME}:\n[kernels.prefer]\n{operation} = "{claimants[0].distribution}"'
    )


def _computed_kernels(catalogue: Catalogue, plugin: Plugin, manifest: Manifest) -> Sequence[KernelSpec]:
    """Ask a plugin's hook for its kernels. Raises BrokenPluginError."""
    from vistry.plugin import hooks
    from vistry.plugin.calls import OwnerHooks

    return OwnerHooks(catalogue, plugin).ask(hooks.vistry_kernels, manifest=manifest)
