"""Which implementation an operation is computed with: by device, dtype and policy, at every call."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeAlias

from vistry.errors import RegistryError
from vistry.kernels.table import Kernel, kernels_for, settled
from vistry.registry.catalogue import Catalogue
from vistry.registry.policy import PolicyValue

if TYPE_CHECKING:
    import torch

Argument: TypeAlias = "torch.Tensor | float | int"
Implementation = Callable[..., "torch.Tensor"]


class Operation:
    """An operation to call with torch tensors and numbers: by a kernel where one serves them, else by its reference.

    The device is that of the first argument, a tensor, whose dtype all floating-point ones have to have.
    Whatever can be decided without the tensors has been, so that torch.compile and torch.export see a plain call.
    """

    def __init__(
        self,
        name: str,
        reference: Implementation,
        implementations: Mapping[str, Mapping[torch.dtype, Implementation]],
        required_by: str = "",
    ):
        self.name = name
        self._reference = reference
        self._implementations = implementations
        self._required_by = required_by

    def __call__(self, first: torch.Tensor, *others: Argument) -> torch.Tensor:
        """The operation's result. Raises RegistryError where policy requires a kernel and none serves."""
        import torch

        implementation = self._implementations.get(first.device.type, {}).get(first.dtype)
        tensors = [first, *(other for other in others if isinstance(other, torch.Tensor))]
        dtypes = {tensor.dtype for tensor in tensors if tensor.is_floating_point()}
        if implementation is not None and dtypes == {first.dtype}:
            return implementation(first, *others)
        if self._required_by:
            names = ", ".join(sorted(map(_name, dtypes)))
            raise _refusal(self.name, self._required_by, f"on {first.device.type} in {names}")
        return self._reference(first, *others)

    def __deepcopy__(self, _: Any) -> Operation:
        return self  # nothing in it changes, and what it calls can't be copied


def operation(name: str, catalogue: Catalogue | None = None) -> Operation:
    """An operation of the kernel table, ready to call, under the policy in force.

    Raises RegistryError for a name that the table doesn't have, or where policy requires a kernel and this machine
    can use none.
    """
    catalogue = catalogue or Catalogue.read()
    kernels, use = kernels_for(catalogue, name), catalogue.policy.kernel_use()
    reference = resolve(kernels[0].spec.reference)
    if use.value == "off":
        return Operation(name, reference, {})
    usable = _usable(settled(catalogue, kernels), use)
    if use.value == "auto":
        return Operation(name, reference, usable)
    if not usable:
        devices = ", ".join(sorted({device for kernel in kernels for device in kernel.spec.devices}))
        raise _refusal(name, use.origin, f"this machine, which has no {devices}")
    return Operation(name, reference, usable, use.origin)


def resolve(reference: str) -> Any:
    """What a reference `module:name` names. Raises RegistryError, or what importing the module raises."""
    module, _, name = reference.partition(":")
    found = getattr(import_module(module), name, None)
    if found is None:
        raise RegistryError(f"there is no '{name}' in {module}, which '{reference}' names; correct the plugin")
    return found


def available(device: str) -> bool:
    """Whether torch can use a type of device on this machine."""
    import torch

    return bool(torch.get_device_module(device).is_available())


def _usable(table: Mapping[tuple[str, str], Kernel], use: PolicyValue) -> dict[str, dict[torch.dtype, Implementation]]:
    """By device and dtype, the kernels for the devices that are here and that can be loaded."""
    import torch

    here = {served: kernel for served, kernel in table.items() if available(served[0])}
    by_name = {kernel.spec.implementation: kernel for kernel in here.values()}
    loaded = {name: _load(kernel, use) for name, kernel in by_name.items()}
    usable: dict[str, dict[torch.dtype, Implementation]] = {}
    for (device, dtype), kernel in here.items():
        if implementation := loaded[kernel.spec.implementation]:
            usable.setdefault(device, {})[getattr(torch, dtype)] = implementation
    return usable


def _load(kernel: Kernel, use: PolicyValue) -> Implementation | None:
    """The kernel's function. Where its module can't be imported: a warning, or RegistryError if it is required."""
    try:
        implementation: Implementation = resolve(kernel.spec.implementation)
    except ImportError as error:
        message = f"the kernel {kernel.spec.implementation} of {kernel.distribution} can't be loaded: {error}"
        if use.value == "require":
            raise RegistryError(f"{message}; {use.origin} requires kernels") from error
        remedy = "install what is missing, or, to use no kernels, set VISTRY_KERNELS=off"
        warnings.warn(f"{message}; its reference is used; {remedy}", stacklevel=2)
        return None
    return implementation


def _refusal(name: str, origin: str, where: str) -> RegistryError:
    return RegistryError(
        f"{origin} requires kernels, and none for '{name}' serves {where}; \"auto\" would take its reference there"
    )


def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")
