"""The check of a plugin's kernels."""

from __future__ import annotations

from vistry.errors import RegistryError
from vistry.kernels.agreement import disagreements
from vistry.kernels.table import plugin_kernels
from vistry.testing.check import CheckFailed, listed, require
from vistry.testing.model_subject import PluginSubject


def no_kernels(subject: PluginSubject) -> str:
    """Why there is no kernel to compare, if so."""
    return "" if plugin_kernels(subject.catalogue) else "the plugin has no kernels"


def kernels_agree_with_their_references(subject: PluginSubject) -> None:
    """Each kernel gives what its reference gives, forward and backward, within its tolerance."""
    try:
        apart = [sentence for kernel in plugin_kernels(subject.catalogue) for sentence in disagreements(kernel.spec)]
    except RegistryError as error:
        raise CheckFailed(str(error)) from error
    require(not apart, f"{listed(apart)}; correct the kernel, or raise its tolerance if the arithmetic explains it")
