"""The check of a plugin's kernels."""

from __future__ import annotations

from vistry.errors import RegistryError
from vistry.kernels.agreement import disagreements
from vistry.kernels.table import plugin_kernels
from vistry.testing.check import CheckFailed, NothingToCheck, listed, require
from vistry.testing.model_subject import PluginSubject


def kernels_agree_with_their_references(subject: PluginSubject) -> None:
    """Each kernel gives what its reference gives, forward and backward, within its tolerance."""
    kernels = plugin_kernels(subject.catalogue)
    if not kernels:
        raise NothingToCheck("the plugin has no kernels")
    try:
        apart = [sentence for kernel in kernels for sentence in disagreements(kernel.spec)]
    except RegistryError as error:
        raise CheckFailed(str(error)) from error
    require(not apart, f"{listed(apart)}; correct the kernel, or raise its tolerance if the arithmetic explains it")
