"""Holding a kernel against its reference, forward and backward, on the samples that it brings.

Without a device that the kernel is for, a process of its own runs it on the processor in Triton's interpreter:
`TRITON_INTERPRET=1 python -m vistry.kernels.agreement KERNEL`, with the kernel's facts as JSON.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, TypeGuard

from vistry.errors import RegistryError
from vistry.kernels.dispatch import Argument, Implementation, available, resolve
from vistry.registry.manifest import KernelSpec

if TYPE_CHECKING:
    import torch


def disagreements(kernel: KernelSpec) -> list[str]:
    """Where the kernel is further from its reference than its tolerance: a sentence each, none where it agrees.

    Raises RegistryError where the kernel can't be run at all.
    """
    for device in kernel.devices:
        if available(device):
            return list(disagreements_on(device, kernel))
    return _interpreted(kernel)


def disagreements_on(device: str, kernel: KernelSpec) -> Iterator[str]:
    """The same, on one device of this process."""
    implementation, reference = resolve(kernel.implementation), resolve(kernel.reference)
    import torch

    for dtype, tolerance in kernel.tolerance.items():
        samples = list(resolve(kernel.samples)(getattr(torch, dtype), device))
        for arguments in samples:
            exact = [argument.double() if _is_real(argument) else argument for argument in arguments]
            expected = _with_gradients(reference, exact, arguments[0].dtype)
            found = _with_gradients(implementation, arguments, arguments[0].dtype)
            dtypes = [reference(*arguments).dtype, *(getattr(argument, "dtype", None) for argument in arguments)]
            said = ", ".join(map(_said, arguments))
            for what, is_not in _differences(found, expected, dtypes, tolerance):
                yield f"{kernel.operation} in {dtype} of {said}: {what} {is_not}"
        if not samples:
            yield f"{kernel.operation} in {dtype}: {kernel.samples} gives no sample"


def _with_gradients(
    function: Implementation, arguments: Sequence[Argument], dtype: torch.dtype
) -> list[torch.Tensor | None]:
    """The function's result, then each argument's gradient, if it has one; the result's is drawn in digits of `dtype`.

    Of a result in whole numbers there are no gradients, nor of one that is cut off from its arguments.
    """
    import torch

    leaves = [argument.detach().requires_grad_() if _is_real(argument) else argument for argument in arguments]
    result = function(*leaves)
    if result.requires_grad:
        drawn = torch.randn(result.shape, generator=torch.Generator().manual_seed(0)).to(dtype)
        result.backward(drawn.to(result))  # type: ignore[no-untyped-call]
    return [result.detach(), *(getattr(leaf, "grad", None) for leaf in leaves)]


def _differences(
    found: Sequence[torch.Tensor | None],
    expected: Sequence[torch.Tensor | None],
    dtypes: Sequence[torch.dtype],
    tolerance: float,
) -> Iterator[tuple[str, str]]:
    names = ["the result", *(f"the gradient of argument {number}" for number in range(1, len(found)))]
    for name, ours, exact, dtype in zip(names, found, expected, dtypes, strict=True):
        if ours is None or exact is None:
            if ours is not exact:
                yield name, "is missing" if ours is None else "is none of the reference's"
        elif ours.shape != exact.shape or ours.dtype != dtype:
            yield name, f"is {list(ours.shape)} in {ours.dtype} in place of {list(exact.shape)} in {dtype}"
        elif not _is_real(exact):
            if wrong := int((ours != exact).sum()):
                yield name, f"differs in {wrong} of {exact.numel()} places, and whole numbers have to be equal"
        elif exact.numel():
            error, largest = (ours.double() - exact).abs().max(), exact.abs().max()
            if not error <= tolerance * largest:
                yield name, f"is off by {float(error / largest):.2g} of its largest value, more than {tolerance:.2g}"


def _is_real(argument: Argument) -> TypeGuard[torch.Tensor]:
    """Whether it is a tensor of floating-point numbers."""
    import torch

    return isinstance(argument, torch.Tensor) and argument.is_floating_point()


def _said(argument: Argument) -> str:
    import torch

    return str(list(argument.shape)) if isinstance(argument, torch.Tensor) else str(argument)


def _interpreted(kernel: KernelSpec) -> list[str]:
    command = [sys.executable, "-m", __name__, json.dumps(asdict(kernel))]
    done = subprocess.run(command, env={**os.environ, "TRITON_INTERPRET": "1"}, capture_output=True, text=True)
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1]
        raise RegistryError(f"{kernel.implementation} fails in Triton's interpreter: {reason}")
    found: list[str] = json.loads(done.stdout.splitlines()[-1])
    return found


if __name__ == "__main__":
    print(json.dumps(list(disagreements_on("cpu", KernelSpec(**json.loads(sys.argv[1]))))))
