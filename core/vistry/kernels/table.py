"""The kernel table: what each operation can be computed with. Reading it imports no tensor library."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from vistry.errors import RegistryError, suggestion
from vistry.kernels.core_kernels import OWN
from vistry.registry.catalogue import Catalogue
from vistry.registry.discovery import Plugin
from vistry.registry.manifest import KernelSpec
from vistry.registry.policy import FILE_NAME

HOOK = "vistry_kernels"
CORE = "vistry"


@dataclass(frozen=True)
class Kernel:
    """A kernel and the plugin that brings it; core's own are listed as the plugin and distribution `vistry`."""

    spec: KernelSpec
    plugin: str
    distribution: str

    def to_dict(self) -> dict[str, object]:
        """The kernel as plain JSON values."""
        spec = {
            key: list(value) if isinstance(value, tuple) else dict(value) if isinstance(value, Mapping) else value
            for key, value in vars(self.spec).items()
        }
        return {**spec, "plugin": self.plugin, "distribution": self.distribution}


def all_kernels(catalogue: Catalogue) -> list[Kernel]:
    """Core's own kernels and those of every plugin in use, by operation. Raises BrokenPluginError."""
    own = [Kernel(spec, CORE, CORE) for spec in OWN]
    return sorted([*own, *plugin_kernels(catalogue)], key=lambda kernel: (kernel.spec.operation, kernel.distribution))


def plugin_kernels(catalogue: Catalogue) -> list[Kernel]:
    """The kernels of every plugin in use.

    A plugin is imported only if it computes its kernels, and all are where one wraps the hook.
    Raises BrokenPluginError.
    """
    in_use = [(plugin, plugin.manifest) for plugin in catalogue.plugins if plugin.in_use and plugin.manifest]
    wrapped = any(HOOK in manifest.wraps for _, manifest in in_use)
    found = []
    for plugin, manifest in in_use:
        asked = wrapped or manifest.computes_kernels
        specs = _computed(catalogue, plugin) if asked else manifest.kernels
        found += [Kernel(spec, plugin.name, plugin.distribution) for spec in specs]
    return found


def kernels_for(catalogue: Catalogue, operation: str) -> list[Kernel]:
    """The kernels of an operation, which have one reference. Raises RegistryError for a name that has none."""
    kernels = all_kernels(catalogue)
    rivals = [kernel for kernel in kernels if kernel.spec.operation == operation]
    if not rivals:
        names = sorted({kernel.spec.operation for kernel in kernels})
        raise RegistryError(f"there is no kernel for '{operation}'; {suggestion(operation, names)}".rstrip("; "))
    references = {kernel.spec.reference: kernel for kernel in rivals}
    if len(references) > 1:
        said = " and ".join(f"{reference} ({kernel.distribution})" for reference, kernel in references.items())
        raise RegistryError(
            f"the kernels for '{operation}' have different references: {said}; an operation has one meaning, so "
            "another one needs another name; until then disable one of the plugins"
        )
    return rivals


def settled(catalogue: Catalogue, rivals: Iterable[Kernel]) -> dict[tuple[str, str], Kernel]:
    """The kernel of an operation for each device and dtype that one serves.

    Raises RegistryError where two do and policy prefers neither.
    """
    claims: dict[tuple[str, str], list[Kernel]] = defaultdict(list)
    for kernel in rivals:
        for served in kernel.spec.serves:
            claims[served].append(kernel)
    return {served: _winner(catalogue, served, claimants) for served, claimants in claims.items()}


def _winner(catalogue: Catalogue, served: tuple[str, str], claimants: Sequence[Kernel]) -> Kernel:
    if len(claimants) == 1:
        return claimants[0]
    said = catalogue.policy.preferred_kernel(claimants[0].spec.operation)
    winners = [kernel for kernel in claimants if said and said.value in (kernel.plugin, kernel.distribution)]
    if len(winners) != 1:
        raise RegistryError(_conflict(claimants[0].spec.operation, served, claimants))
    return winners[0]


def _conflict(operation: str, served: tuple[str, str], claimants: Sequence[Kernel]) -> str:
    owners = " and ".join(f"{kernel.spec.implementation} of {kernel.distribution}" for kernel in claimants)
    return (
        f"there are several kernels for '{operation}' on {served[0]} in {served[1]}: {owners}; "
        f'settle it in {FILE_NAME}:\n[kernels.prefer]\n{operation} = "{claimants[0].distribution}"'
    )


def _computed(catalogue: Catalogue, plugin: Plugin) -> Sequence[KernelSpec]:
    """What the plugin's hook says. Raises BrokenPluginError where that is no list of kernels."""
    from vistry.plugin import hooks
    from vistry.plugin.calls import BrokenPluginError, OwnerHooks

    assert plugin.manifest is not None, "a plugin in use has a manifest"
    specs = OwnerHooks(catalogue, plugin).ask(hooks.vistry_kernels, manifest=plugin.manifest)
    if isinstance(specs, list | tuple) and all(isinstance(spec, KernelSpec) for spec in specs):
        return specs
    where = plugin.manifest.hooks if plugin.manifest else plugin.name
    raise BrokenPluginError(plugin, f"{HOOK} gave {specs!r}, which is no list of KernelSpec", f"correct {where}")
