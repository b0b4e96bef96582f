"""Core's own kernel: where it comes from, its reference, and the kernel against it."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from runpy import run_path
from typing import Any

import pytest
import torch
from vistry.errors import RegistryError
from vistry.kernels.agreement import disagreements
from vistry.kernels.core_kernels import OWN
from vistry.kernels.dispatch import operation
from vistry.kernels.table import all_kernels, plugin_kernels
from vistry.torch_layers.nms import batched_nms

catalogue = run_path(str(Path(__file__).with_name("conftest.py")))["catalogue"]
needs_triton = pytest.mark.skipif(find_spec("triton") is None, reason="Triton comes with torch on Linux alone")
Make = Any
# Two boxes on one another and one apart; an image with nothing above .3; two of one score, the first of which is small.
BOXES = torch.tensor(
    [
        [[0.0, 0, 8, 8], [0, 0, 8, 7], [20, 20, 24, 24]],
        [[0.0, 0, 8, 8], [0, 0, 8, 7], [20, 20, 24, 24]],
        [[0.0, 0, 8, 7], [0, 0, 8, 8], [0, 0, 8, 8]],
    ]
)
SCORES = torch.tensor([[0.5, 0.9, 0.7], [0.3, 0.2, 0.1], [0.6, 0.6, 0.4]])


def test_it_needs_no_plugin() -> None:
    [kernel] = all_kernels(catalogue())
    assert (kernel.spec.operation, kernel.plugin, kernel.distribution) == ("batched_nms", "vistry", "vistry")
    assert plugin_kernels(catalogue()) == []


def test_a_plugin_may_bring_another_with_the_same_reference(kernel: Make) -> None:
    [own] = OWN
    rival = kernel(operation="batched_nms", devices=("cpu",), reference=own.reference)
    assert operation("batched_nms", catalogue(("acme", rival)))._implementations["cpu"]
    with pytest.raises(RegistryError, match=r"different references: .* \(vistry\) and .* \(vistry-acme\)"):
        operation("batched_nms", catalogue(("acme", kernel(operation="batched_nms"))))


def test_the_reference_by_hand() -> None:
    kept = batched_nms(BOXES, SCORES, torch.zeros((3, 3), dtype=torch.int64), 0.3, 0.5, 3)
    assert kept.tolist() == [[1, 2, -1], [-1, -1, -1], [0, -1, -1]]
    kept = batched_nms(BOXES, SCORES, torch.tensor([[0, 1, 1]] * 3), 0.3, 0.5, 2)
    assert kept.tolist() == [[1, 2], [-1, -1], [0, 1]]


def test_on_a_processor_the_operation_is_its_reference() -> None:
    arguments = (BOXES, SCORES, torch.zeros((3, 3), dtype=torch.int64), 0.3, 0.5, 3)
    assert torch.equal(operation("batched_nms", catalogue())(*arguments), batched_nms(*arguments))


def test_equal_scores_keep_their_order_in_a_crowd() -> None:
    """Of more than 1,000 boxes torchvision takes each label on its own."""
    left = torch.arange(0.0, 3000, 2)
    boxes = torch.stack([left, left * 0, left + 1, left * 0 + 1], dim=1)[None]
    labels = torch.randint(3, (1, 1500), generator=torch.Generator().manual_seed(0))
    assert batched_nms(boxes, torch.full((1, 1500), 0.5), labels, 0.1, 0.5, 1500).tolist() == [list(range(1500))]


@needs_triton
def test_the_kernel_in_the_interpreter() -> None:
    """One process for all of it: torch takes longer to import than the kernel to interpret."""
    file = Path(__file__).with_name("interpreted_nms.py")
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--rootdir", str(file.parent), str(file)]
    done = subprocess.run(
        [*command, "--noconftest", "-c", str(file.parents[2] / "pyproject.toml")],
        env={**os.environ, "TRITON_INTERPRET": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU; the interpreter stands in for it")
def test_the_kernel_on_a_gpu_never_waits() -> None:
    [kernel] = OWN
    assert disagreements(kernel) == []
    arguments = tuple(tensor.cuda() for tensor in (BOXES, SCORES, torch.zeros((3, 3), dtype=torch.int64)))
    by_kernel = operation("batched_nms", catalogue(use="require"))
    torch.cuda.set_sync_debug_mode("error")
    try:
        kept = by_kernel(*arguments, 0.3, 0.5, 3)
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert kept.tolist() == [[1, 2, -1], [-1, -1, -1], [0, -1, -1]]


@needs_triton
@pytest.mark.parametrize("architecture", [80, 90])
def test_it_compiles_for_gpus_that_are_not_here(architecture: int) -> None:
    """With torchvision's arithmetic: rounded after each step, none fused. What is stored, a barrier makes readable."""
    import triton
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource
    from vistry.torch_layers.nms_kernel import nms_kernel

    pointers = {name: "*i64" for name in nms_kernel.arg_names if name.endswith("_at")} | {"boxes_at": "*fp32"}
    types = {**pointers, "boxes": "i32", "most": "i32", "threshold": "fp32", "BLOCK": "constexpr"}
    source = ASTSource(nms_kernel, {name: types[name] for name in nms_kernel.arg_names}, {"BLOCK": 64})
    options = {"num_warps": 16, "enable_fp_fusion": False}
    compiled = triton.compile(source, GPUTarget("cuda", architecture, 32), options)
    assert compiled.asm["cubin"].startswith(b"\x7fELF")
    ptx = compiled.asm["ptx"]
    assert f".target sm_{architecture}" in ptx
    assert "fma" not in ptx
    assert "div.rn.f32" in ptx
    assert "div.full" not in ptx
    assert "bar.sync" in ptx[ptx.index("st.global") :]
