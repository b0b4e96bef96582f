"""Compare a kernel with its reference, forward and backward, on the kernel's own samples.

Without a device that the kernel serves, a process of its own runs it on the processor in Triton's interpreter:
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
from typing import cast as typed

from vistry.errors import RegistryError
from vistry.kernels.dispatch import (
    Argument,
    Implementation,
    Operation,
    available,
    cast_to_one_dtype,
    implementation_named,
    is_real,
    name_of_dtype,
    real_tensors,
    samples_named,
)
from vistry.registry.manifest import KernelSpec

if TYPE_CHECKING:
    import torch


def disagreements(kernel: KernelSpec) -> list[str]:
    """Return a sentence for each result or gradient that differs from the reference's by more than the tolerance.

    Raises RegistryError if the kernel can't be run at all.
    """
    for device in kernel.devices:
        if available(device):
            return list(disagreements_on(device, kernel))
    return _interpreted(kernel)


def disagreements_on(device: str, kernel: KernelSpec) -> Iterator[str]:
    """Yield the same sentences, computed on one device in this process."""
    implementation = implementation_named(kernel.implementation)
    reference = implementation_named(kernel.reference)
    import torch

    for dtype, tolerance in kernel.tolerance.items():
        samples = list(samples_named(kernel.samples)(getattr(torch, dtype), device))
        for arguments in samples:
            # The reference computes in float64, so that its own rounding isn't part of the difference.
            exact = [argument.double() if is_real(argument) else argument for argument in arguments]
            expected = _with_gradients(reference, exact, arguments[0].dtype)
            computed = _with_gradients(implementation, arguments, arguments[0].dtype)
            dtypes = [reference(*arguments).dtype, *map(_dtype, arguments)]
            shapes = ", ".join(map(_shape, arguments))
            for subject, difference in _differences(computed, expected, dtypes, tolerance=tolerance):
                yield f"{kernel.operation} in {dtype} of {shapes}: {subject} {difference}"
        yield from _in_mixed_dtypes(kernel, samples, device=device)
        if not samples:
            yield f"{kernel.operation} in {dtype}: {kernel.samples} yields no sample"


def _in_mixed_dtypes(kernel: KernelSpec, samples: Sequence[Sequence[Argument]], device: str) -> Iterator[str]:
    """Yield what differs where the tensors of a call are of two dtypes, as under an autocast, by the rule of casting.

    The operation is called as a model calls it, with the first sample that has several such tensors, and each of them
    has to have a gradient in its own dtype.
    """
    import torch

    several = (sample for sample in samples if len(real := real_tensors(sample)) > 1 and all(map(torch.numel, real)))
    sample = next(several, None)
    if kernel.cast == "none" or sample is None:
        return
    implementation, reference = implementation_named(kernel.implementation), implementation_named(kernel.reference)
    served = {getattr(torch, name): implementation for name in kernel.tolerance}
    operation = Operation(kernel.operation, reference, {device: served}, cast=kernel.cast)
    first, rest = real_tensors(sample)[0], sample[1:]
    for other in ("float32", "bfloat16"):
        mixed = [first, *(argument.to(getattr(torch, other)) if is_real(argument) else argument for argument in rest)]
        alike = cast_to_one_dtype(kernel.cast, mixed)
        common = real_tensors(alike)[0].dtype
        if first.dtype is getattr(torch, other) or common not in served:
            continue
        exact = [argument.double() if is_real(argument) else argument for argument in alike]
        computed = _with_gradients(typed(Implementation, operation), mixed, common)
        expected = _with_gradients(reference, exact, common)
        dtypes = [reference(*alike).dtype, *map(_dtype, mixed)]
        rounding = max(torch.finfo(tensor.dtype).eps for tensor in real_tensors(mixed))
        tolerance = max(kernel.tolerance[name_of_dtype(common)], rounding)
        for subject, difference in _differences(computed, expected, dtypes, tolerance=tolerance):
            yield f"{kernel.operation} in {name_of_dtype(first.dtype)} and {other}: {subject} {difference}"


def _with_gradients(
    function: Implementation, arguments: Sequence[Argument], dtype: torch.dtype
) -> list[torch.Tensor | None]:
    """Return the function's result, then each argument's gradient, None if it has none.

    A result in whole numbers, or one that is detached from its arguments, has no gradients. `dtype`: the digits that
    the result's own gradient is drawn in.
    """
    import torch

    leaves = [argument.detach().requires_grad_() if is_real(argument) else argument for argument in arguments]
    result = function(*leaves)
    if result.requires_grad:
        drawn = torch.randn(result.shape, generator=torch.Generator().manual_seed(0)).to(dtype)
        result.backward(drawn.to(result))  # type: ignore[no-untyped-call]
    return [result.detach(), *(getattr(leaf, "grad", None) for leaf in leaves)]


def _differences(
    computed: Sequence[torch.Tensor | None],
    expected: Sequence[torch.Tensor | None],
    dtypes: Sequence[torch.dtype | None],
    tolerance: float,
) -> Iterator[tuple[str, str]]:
    """Yield what differs and how: the result or a gradient, in presence, shape, dtype or value."""
    names = ["the result", *(f"the gradient of argument {number}" for number in range(1, len(computed)))]
    for name, ours, exact, dtype in zip(names, computed, expected, dtypes, strict=True):
        if ours is None or exact is None:
            if ours is not exact:
                yield name, "is missing" if ours is None else "has no counterpart in the reference"
        elif ours.shape != exact.shape or ours.dtype != dtype:
            yield name, f"is {list(ours.shape)} in {ours.dtype} instead of {list(exact.shape)} in {dtype}"
        elif not is_real(exact):
            if wrong := int((ours != exact).sum()):
                yield name, f"differs in {wrong} of {exact.numel()} places; whole numbers must be equal"
        elif exact.numel():
            error, largest = (ours.double() - exact).abs().max(), exact.abs().max()
            if not error <= tolerance * largest:  # not ">": an error of NaN is too large
                yield name, f"is off by {float(error / largest):.2g} of its largest value, more than {tolerance:.2g}"


def _dtype(argument: Argument) -> torch.dtype | None:
    import torch

    return argument.dtype if isinstance(argument, torch.Tensor) else None


def _shape(argument: Argument) -> str:
    """Return a tensor's shape, or a number itself."""
    import torch

    return str(list(argument.shape)) if isinstance(argument, torch.Tensor) else str(argument)


def _interpreted(kernel: KernelSpec) -> list[str]:
    command = [sys.executable, "-P", "-m", __name__, json.dumps(asdict(kernel))]
    process = subprocess.run(command, env={**os.environ, "TRITON_INTERPRET": "1"}, capture_output=True, text=True)
    if process.returncode:
        reason = (process.stderr.strip().splitlines() or [f"exit status {process.returncode}"])[-1]
        raise RegistryError(f"{kernel.implementation} fails in Triton's interpreter: {reason}")
    sentences: list[str] = json.loads(process.stdout.splitlines()[-1])
    return sentences


if __name__ == "__main__":
    print(json.dumps(list(disagreements_on("cpu", KernelSpec(**json.loads(sys.argv[1]))))))
