"""Every kernel with whether it is used, what would run on this machine in each dtype, and why not."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict, dataclass
from typing import Annotated, Literal, TypedDict

from vistry.errors import RegistryError
from vistry.kernels.machine import absent_device, absent_package
from vistry.kernels.table import Kernel, Served, all_kernels, kernels_for, select
from vistry.registry.catalogue import Catalogue
from vistry.registry.manifest import DTYPES, Cast

KernelState = Literal["on", "required", "off", "passed over", "in conflict"]


class KernelHereRecord(TypedDict):
    """Tensors of a dtype on this machine."""

    dtype: str
    devices: Annotated[list[str], "those on which the kernel takes them"]
    reason: Annotated[str, "why there are none"]


class KernelRecord(TypedDict):
    """A kernel, whether policy lets it be used, and what it does on this machine."""

    operation: str
    summary: str
    devices: list[str]
    implementation: str
    reference: str
    samples: str
    cast: Annotated[Cast, "the rule by which tensors of several dtypes are brought to one"]
    tolerance: Annotated[dict[str, float], "by dtype, the largest error as a share of the largest value"]
    plugin: Annotated[str, "vistry: core's own"]
    distribution: str
    state: KernelState
    reason: Annotated[str, "why it is in that state; empty where it is on"]
    here: Annotated[list[KernelHereRecord], "by dtype"]


@dataclass(frozen=True)
class KernelHere:
    """Tensors of a dtype on this machine: the devices on which the kernel takes them, and the reason if on none.

    Without it the reference runs, or another plugin's kernel that policy prefers.
    """

    dtype: str
    devices: tuple[str, ...]
    reason: str


@dataclass(frozen=True)
class ListedKernel:
    """A kernel, whether policy lets it be used, the reason where that isn't the default, and what it does here."""

    kernel: Kernel
    state: KernelState
    reason: str
    here: tuple[KernelHere, ...]

    @property
    def runs_in(self) -> tuple[str, ...]:
        """The dtypes that it takes on this machine."""
        return tuple(one.dtype for one in self.here if one.devices)

    @property
    def reason_here(self) -> str:
        """Why it doesn't run on this machine in the first of the dtypes that it is made for, "" if it does."""
        return next(one.reason for one in self.here if one.dtype in self.kernel.spec.tolerance)

    def to_dict(self) -> dict[str, object]:
        """Return plain JSON values."""
        here = [{**asdict(one), "devices": list(one.devices)} for one in self.here]
        return {**self.kernel.to_dict(), "state": self.state, "reason": self.reason, "here": here}


def list_kernels(catalogue: Catalogue) -> list[ListedKernel]:
    """Return core's own kernels and those of every plugin in use, by operation. Raises BrokenPluginError."""
    return [_listed(catalogue, kernel) for kernel in all_kernels(catalogue)]


def _listed(catalogue: Catalogue, kernel: Kernel) -> ListedKernel:
    state, reason, served = _state(catalogue, kernel)
    unused = "" if served else f"{state} {reason}".strip()
    here = tuple(_here(kernel, dtype, served, unused=unused) for dtype in DTYPES)
    return ListedKernel(kernel, state, reason, here=here)


def _here(kernel: Kernel, dtype: str, served: Collection[Served], unused: str) -> KernelHere:
    if dtype not in kernel.spec.tolerance:
        return KernelHere(dtype, (), f"it takes {', '.join(kernel.spec.tolerance)}")
    if not any(taken == dtype for _, taken in served):
        return KernelHere(dtype, (), unused or "passed over")
    absences = {device: absent_device(device) for device in kernel.spec.devices if (device, dtype) in served}
    devices = tuple(device for device, absence in absences.items() if not absence)
    reason = absent_package(kernel.spec.implementation) if devices else "; ".join(absences.values())
    return KernelHere(dtype, () if reason else devices, reason)


def _state(catalogue: Catalogue, kernel: Kernel) -> tuple[KernelState, str, list[Served]]:
    """Return a kernel's state, its reason, and the devices and dtypes for which it is chosen."""
    use = catalogue.policy.kernel_use()
    if use.value == "off":
        return "off", f"by {use.origin}", []
    try:
        winners = select(catalogue, kernels_for(catalogue, kernel.spec.operation))
    except RegistryError as error:
        return "in conflict", str(error), []
    served = [served for served, winner in winners.items() if winner == kernel]
    if not served:
        preferred = catalogue.policy.preferred_kernel(kernel.spec.operation)
        return "passed over", f"by {preferred.origin}" if preferred else "", []
    return ("required", f"by {use.origin}", served) if use.value == "require" else ("on", "", served)
