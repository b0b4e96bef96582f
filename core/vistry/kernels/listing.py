"""Every kernel with whether it is used, and why not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from vistry.errors import RegistryError
from vistry.kernels.table import Kernel, all_kernels, kernels_for, select
from vistry.registry.catalogue import Catalogue

KernelState = Literal["on", "required", "off", "passed over", "in conflict"]


@dataclass(frozen=True)
class ListedKernel:
    """A kernel, whether policy lets it be used, and the reason where that isn't the default."""

    kernel: Kernel
    state: KernelState
    reason: str

    def to_dict(self) -> dict[str, object]:
        """Return plain JSON values."""
        return {**self.kernel.to_dict(), "state": self.state, "reason": self.reason}


def list_kernels(catalogue: Catalogue) -> list[ListedKernel]:
    """Return core's own kernels and those of every plugin in use, by operation. Raises BrokenPluginError."""
    return [ListedKernel(kernel, *_state(catalogue, kernel)) for kernel in all_kernels(catalogue)]


def _state(catalogue: Catalogue, kernel: Kernel) -> tuple[KernelState, str]:
    use = catalogue.policy.kernel_use()
    if use.value == "off":
        return "off", f"by {use.origin}"
    try:
        winners = select(catalogue, kernels_for(catalogue, kernel.spec.operation))
    except RegistryError as error:
        return "in conflict", str(error)
    if kernel not in winners.values():
        preferred = catalogue.policy.preferred_kernel(kernel.spec.operation)
        return "passed over", f"by {preferred.origin}" if preferred else ""
    return ("required", f"by {use.origin}") if use.value == "require" else ("on", "")
