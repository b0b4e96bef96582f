"""Tests of Triton kernels on a machine without a GPU."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

WARP_SIZE = 32  # threads, of every NVIDIA GPU


def run_in_interpreter(test_file: Path) -> None:
    """Run a file of tests in a process of its own, where Triton interprets kernels on the CPU.

    Triton decides on import whether it interprets, so a test can't do it in its own process. Put all tests of that kind
    into one file: the import of torch takes longer than the kernels. Conftest files aren't read.

    Raises AssertionError with the tests' output if one fails.
    """
    process = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--noconftest", str(test_file)],
        env={**os.environ, "TRITON_INTERPRET": "1", "VISTRY_KERNELS": "auto"},
        capture_output=True,
        text=True,
    )
    if process.returncode != 0:
        raise AssertionError(process.stdout + process.stderr)


def compile_for_gpu(
    kernel: Any,
    types: Mapping[str, str],
    constants: Mapping[str, object],
    architecture: int,
    *,
    divisible_by_16: Collection[str] = (),
    **options: object,
) -> str:
    """Compile a kernel ahead of time for an NVIDIA GPU and return its PTX.

    Args:
        kernel: a function under `triton.jit`.
        types: Triton's type of each argument by name, such as "*fp32" or "i32".
        constants: the values of the arguments that are `tl.constexpr`.
        architecture: the GPU's compute capability, such as 90 for 9.0.
        divisible_by_16: the arguments that Triton may assume to be multiples of 16, as it does where they are.
        options: Triton's, such as `num_warps`.

    Raises AssertionError if the result isn't for that GPU.
    """
    import triton
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    names = list(types)
    attributes = {(names.index(name),): [["tt.divisibility", 16]] for name in divisible_by_16}
    source = ASTSource(kernel, {**types, **dict.fromkeys(constants, "constexpr")}, dict(constants), attributes)
    compiled = triton.compile(source, GPUTarget("cuda", architecture, WARP_SIZE), options)
    ptx: str = compiled.asm["ptx"]
    if not compiled.asm["cubin"].startswith(b"\x7fELF") or f".target sm_{architecture}" not in ptx:
        raise AssertionError(f"{kernel} wasn't compiled for sm_{architecture}")
    return ptx
