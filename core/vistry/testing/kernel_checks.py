"""The checks of a plugin's kernels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vistry.errors import RegistryError
from vistry.kernels.agreement import disagreements
from vistry.kernels.dispatch import implementation_named, is_real, samples_named
from vistry.kernels.table import plugin_kernels
from vistry.registry.manifest import KernelSpec
from vistry.testing.check import CheckFailed, NothingToCheck, listed, require
from vistry.testing.model_subject import PluginSubject

if TYPE_CHECKING:
    import torch


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


def kernels_can_be_traced(subject: PluginSubject) -> None:
    """Each kernel has a fake implementation, from which torch.compile and torch.export know its result's shape."""
    for kernel in _own_kernels(subject):
        try:
            _trace(kernel)
        except (RegistryError, ImportError) as error:
            raise NothingToCheck(f"{kernel.operation} can't be called here: {error}") from error


def _trace(kernel: KernelSpec) -> None:
    """Call a kernel with tensors that have shapes and no values. Raises CheckFailed."""
    import torch
    from torch._subclasses.fake_tensor import FakeTensorMode

    implementation, reference = implementation_named(kernel.implementation), implementation_named(kernel.reference)
    dtype = getattr(torch, next(iter(kernel.tolerance)))
    arguments = next(iter(samples_named(kernel.samples)(dtype, "cpu")), None)
    if arguments is None:
        return  # kernels_agree_with_their_references says so
    expected = reference(*arguments)
    with FakeTensorMode() as mode:
        fakes = [mode.from_tensor(item) if isinstance(item, torch.Tensor) else item for item in arguments]
        leaves = [item.requires_grad_() for item in fakes if is_real(item)]
        try:
            result = implementation(*fakes)
            gradients = torch.autograd.grad(result.sum(), leaves, allow_unused=True) if result.requires_grad else ()
        except Exception as error:
            reason = str(error).strip().partition("\n")[0]
            raise CheckFailed(
                f"torch.compile and torch.export can't take {kernel.operation}: without values "
                f"{kernel.implementation} raises {type(error).__name__}: {reason}; make it a torch.library.custom_op "
                "and give it register_fake, a function that returns an empty tensor of the result's shape and dtype"
            ) from error
    require(
        (result.shape, result.dtype) == (expected.shape, expected.dtype),
        f"the fake implementation of {kernel.operation} gives {list(result.shape)} in {result.dtype}, and the "
        f"reference {list(expected.shape)} in {expected.dtype}; correct the function of register_fake",
    )
    wrong = [item for item, gradient in zip(leaves, gradients, strict=False) if not _fits(gradient, item)]
    require(
        not wrong, f"a fake gradient of {kernel.operation} has another shape or dtype than its argument; correct it"
    )


def _fits(gradient: torch.Tensor | None, argument: torch.Tensor) -> bool:
    return gradient is None or (gradient.shape, gradient.dtype) == (argument.shape, argument.dtype)
