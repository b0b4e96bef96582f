"""Operations: each call runs a kernel or the reference, by device, dtype and policy."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import reduce
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, TypeGuard
from typing import cast as typed

from vistry.errors import RegistryError
from vistry.kernels.table import Kernel, Served, kernels_for, select
from vistry.registry.catalogue import Catalogue
from vistry.registry.manifest import Cast
from vistry.registry.policy import PolicyValue

if TYPE_CHECKING:
    import torch

Argument: TypeAlias = "torch.Tensor | float | int"


class Implementation(Protocol):
    """An operation's reference or kernel: a function of tensors and numbers, the first a tensor, to one tensor."""

    def __call__(self, *arguments: Argument) -> torch.Tensor: ...


Samples: TypeAlias = "Callable[[torch.dtype, str], Iterable[tuple[torch.Tensor, *tuple[Argument, ...]]]]"
"""`samples(dtype, device)`: arguments of calls by which a kernel is held against its reference."""


class Operation:
    """An operation, called with torch tensors and numbers. It runs a kernel if one serves them, else the reference.

    The first argument is a floating-point tensor. All such arguments are cast to one dtype by the rule of the manifest;
    with that and the device of the first a kernel serves or doesn't. The kernel and the reference are given the same
    tensors, outside of any autocast, so the dtype of the result doesn't depend on which of them runs, and each argument
    has a gradient in its own dtype. Everything else is decided beforehand, so that torch.compile and torch.export see a
    plain call.
    """

    def __init__(
        self,
        name: str,
        reference: Implementation,
        implementations: Mapping[str, Mapping[torch.dtype, Implementation]],
        required_by: str = "",
        cast: Cast = "widest",
    ):
        """Hold an operation's reference, and its kernels by device and dtype.

        `cast`: the rule by which floating-point arguments are brought to one dtype. `required_by`: the place of the
        policy that requires a kernel, "" if the reference may take its place.
        """
        self.name = name
        self._reference = reference
        self._implementations = implementations
        self._required_by = required_by
        self._cast = cast

    def __call__(self, first: torch.Tensor, *others: Argument) -> torch.Tensor:
        """Return the operation's result. Raises RegistryError if policy requires a kernel and none serves."""
        import torch

        device = first.device.type
        arguments = cast_to_one_dtype(self._cast, (first, *others))
        implementation = self._implementation(device, arguments)
        if device != "meta" and torch.is_autocast_enabled(device):
            with torch.autocast(device, enabled=False):
                return implementation(*arguments)
        return implementation(*arguments)

    def _implementation(self, device: str, arguments: Sequence[Argument]) -> Implementation:
        dtypes = {tensor.dtype for tensor in real_tensors(arguments)}
        by_dtype = self._implementations.get(device, {})
        implementation = by_dtype.get(next(iter(dtypes))) if len(dtypes) == 1 else None
        if implementation is None and self._required_by:
            names = ", ".join(sorted(map(name_of_dtype, dtypes)))
            raise _refusal(self.name, self._required_by, f"{device} in {names}")
        return implementation or self._reference

    def __deepcopy__(self, _: Any) -> Operation:
        return self  # an operation never changes, and a compiled function can't be copied


def operation(name: str, catalogue: Catalogue | None = None) -> Operation:
    """Return an operation of the kernel table, ready to call, under the policy in force.

    `catalogue`: the plugins and the policy, those of the working folder by default. Raises RegistryError for an unknown
    operation, or if policy requires a kernel and this machine can use none.
    """
    catalogue = catalogue or Catalogue.read()
    kernels, use = kernels_for(catalogue, name), catalogue.policy.kernel_use()
    reference = implementation_named(kernels[0].spec.reference)
    cast = kernels[0].spec.cast
    if use.value == "off":
        return Operation(name, reference, {}, cast=cast)
    usable = _usable(select(catalogue, kernels), use)
    if use.value == "auto":
        return Operation(name, reference, usable, cast=cast)
    if not usable:
        devices = ", ".join(sorted({device for kernel in kernels for device in kernel.spec.devices}))
        raise _refusal(name, use.origin, f"this machine (needs {devices})")
    return Operation(name, reference, usable, required_by=use.origin, cast=cast)


def resolve(reference: str) -> Any:
    """Import the object that `module:name` names. Raises RegistryError, or what importing the module raises."""
    module, _, name = reference.partition(":")
    named: Any = getattr(import_module(module), name, None)
    if named is None:
        raise RegistryError(f"invalid reference '{reference}': {module} has no '{name}'; correct the plugin")
    return named


def implementation_named(reference: str) -> Implementation:
    """Import a kernel or a reference by `module:name`. Raises as `resolve` does."""
    return typed(Implementation, resolve(reference))


def samples_named(reference: str) -> Samples:
    """Import the function of a kernel's samples by `module:name`. Raises as `resolve` does."""
    return typed(Samples, resolve(reference))


def cast_to_one_dtype(cast: Cast, arguments: Sequence[Argument]) -> tuple[Argument, ...]:
    """Return the arguments with the floating-point tensors among them in the dtype that the rule makes of theirs."""
    import torch

    dtypes = [tensor.dtype for tensor in real_tensors(arguments)]
    if cast == "none" or not dtypes:
        return tuple(arguments)
    wide = dtypes if cast == "widest" else [*dtypes, torch.float32]
    dtype = dtypes[0] if cast == "first" else reduce(torch.promote_types, wide)
    return tuple(argument.to(dtype) if is_real(argument) else argument for argument in arguments)


def real_tensors(arguments: Sequence[Argument]) -> list[torch.Tensor]:
    """Return the tensors of floating-point numbers among arguments."""
    return [argument for argument in arguments if is_real(argument)]


def is_real(argument: Argument) -> TypeGuard[torch.Tensor]:
    """Tell whether an argument is a tensor of floating-point numbers."""
    import torch

    return isinstance(argument, torch.Tensor) and argument.is_floating_point()


def available(device: str) -> bool:
    """Tell whether torch can use a type of device on this machine."""
    import torch

    return bool(torch.get_device_module(device).is_available())


def _usable(table: Mapping[Served, Kernel], use: PolicyValue) -> dict[str, dict[torch.dtype, Implementation]]:
    """Return by device and dtype the kernels that this machine has a device for and that can be loaded."""
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
    """Import a kernel's function. If that fails, warn and return None, or raise RegistryError if policy requires it."""
    try:
        return implementation_named(kernel.spec.implementation)
    except ImportError as error:
        message = f"can't load the kernel {kernel.spec.implementation} of {kernel.distribution}: {error}"
        if use.value == "require":
            raise RegistryError(f"{message}; {use.origin} requires kernels") from error
        remedy = "install the missing package, or set VISTRY_KERNELS=off to use no kernels"
        warnings.warn(f"{message}; its reference is used instead; {remedy}", stacklevel=2)
        return None


def _refusal(name: str, origin: str, where: str) -> RegistryError:
    return RegistryError(
        f"{origin} requires kernels, but no kernel for '{name}' runs on {where}; use auto to fall back to the reference"
    )


def name_of_dtype(dtype: torch.dtype) -> str:
    """Return torch's name for a dtype, without its module."""
    return str(dtype).removeprefix("torch.")
