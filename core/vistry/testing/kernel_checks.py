"""The check of a plugin's kernels."""

from __future__ import annotations

from vistry.errors import RegistryError
from vistry.kernels.agreement import disagreements
from vistry.kernels.table import plugin_kernels
from vistry.registry.manifest import KernelSpec
from vistry.testing.check import CheckFailed, listed, require
from vistry.testing.model_subject import PluginSubject


def absent_kernels(subject: PluginSubject) -> str:
    """Return why no kernel is checked, "" if some are."""
    return "" if _own_kernels(subject) else "the plugin has no kernels"


def _own_kernels(subject: PluginSubject) -> list[KernelSpec]:
    """Return the plugin's own kernels, without those of the plugins that own its backbones."""
    kernels = plugin_kernels(subject.catalogue)
    return [kernel.spec for kernel in kernels if kernel.distribution == subject.plugin.distribution]


def kernels_agree_with_their_references(subject: PluginSubject) -> None:
    """Each kernel agrees with its reference, forward and backward, within its tolerance."""
    try:
        differences = [sentence for kernel in _own_kernels(subject) for sentence in disagreements(kernel)]
    except RegistryError as error:
        raise CheckFailed(str(error)) from error
    require(
        not differences,
        f"{listed(differences)}; correct the kernel, or raise its tolerance if the order of its arithmetic explains it",
    )
