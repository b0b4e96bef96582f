"""The check of a plugin's kernels."""

from __future__ import annotations

from vistry.errors import RegistryError
from vistry.kernels.agreement import disagreements
from vistry.kernels.table import plugin_kernels
from vistry.registry.manifest import KernelSpec
from vistry.testing.check import CheckFailed, listed, require
from vistry.testing.model_subject import PluginSubject


def no_kernels(subject: PluginSubject) -> str:
    """Why there is no kernel to compare, if so."""
    return "" if _own_kernels(subject) else "the plugin has no kernels"


def _own_kernels(subject: PluginSubject) -> list[KernelSpec]:
    """The plugin's kernels, without those of the backbones' plugins that it is seen with."""
    kernels = plugin_kernels(subject.catalogue)
    return [kernel.spec for kernel in kernels if kernel.distribution == subject.plugin.distribution]


def kernels_agree_with_their_references(subject: PluginSubject) -> None:
    """Each kernel gives what its reference gives, forward and backward, within its tolerance."""
    try:
        apart = [sentence for kernel in _own_kernels(subject) for sentence in disagreements(kernel)]
    except RegistryError as error:
        raise CheckFailed(str(error)) from error
    require(not apart, f"{listed(apart)}; correct the kernel, or raise its tolerance if the arithmetic explains it")
