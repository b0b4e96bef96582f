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
from typing import TYPE_CHECKING

from vistry.errors import RegistryError
from vistry.kernels.dispatch import Implementation, available, resolve
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
            exact = [argument.double() for argument in arguments]
            expected = _with_gradients(reference, exact, arguments[0].dtype)
            found = _with_gradients(implementation, arguments, arguments[0].dtype)
            shapes = ", ".join(str(list(argument.shape)) for argument in arguments)
            for what, is_not in _differences(found, expected, arguments[0].dtype, tolerance):
                yield f"{kernel.operation} in {dtype} of {shapes}: {what} {is_not}"
        if not samples:
            yield f"{kernel.operation} in {dtype}: {kernel.samples} gives no sample"


def _with_gradients(
    function: Implementation, arguments: Sequence[torch.Tensor], dtype: torch.dtype
) -> list[torch.Tensor | None]:
    """The function's result, then each argument's gradient; the result's own is drawn, with the digits of `dtype`."""
    import torch

    leaves = [argument.detach().requires_grad_() for argument in arguments]
    result = function(*leaves)
    drawn = torch.randn(result.shape, generator=torch.Generator().manual_seed(0)).to(dtype)
    result.backward(drawn.to(result))  # type: ignore[no-untyped-call]
    return [result.detach(), *(leaf.grad for leaf in leaves)]


def _differences(
    found: Sequence[torch.Tensor | None],
    expected: Sequence[torch.Tensor | None],
    dtype: torch.dtype,
    tolerance: float,
) -> Iterator[tuple[str, str]]:
    names = ["the result", *(f"the gradient of argument {number}" for number in range(1, len(found)))]
    for name, ours, exact in zip(names, found, expected, strict=True):
        if ours is None or exact is None:
            if ours is not exact:
                yield name, "is missing" if ours is None else "is none of the reference's"
        elif ours.shape != exact.shape or ours.dtype != dtype:
            yield name, f"is {list(ours.shape)} in {ours.dtype} in place of {list(exact.shape)} in {dtype}"
        elif exact.numel():
            error = float((ours.double() - exact).abs().max() / exact.abs().max())
            if not error <= tolerance:
                yield name, f"is off by {error:.2g} of its largest value, more than {tolerance:.2g}"


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
