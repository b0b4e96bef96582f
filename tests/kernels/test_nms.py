"""Core's own kernel: where it comes from, its reference, and the kernel against it."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from runpy import run_path
from typing import Any

import pytest
import torch
from vistry.errors import RegistryError
from vistry.kernels import operation
from vistry.kernels.agreement import disagreements
from vistry.kernels.core_kernels import CORE_KERNELS
from vistry.kernels.table import all_kernels, plugin_kernels
from vistry.testing.triton_kernels import compile_for_gpu, run_in_interpreter
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
    [own] = CORE_KERNELS
    rival = kernel(operation="batched_nms", devices=("cpu",), reference=own.reference, cast=own.cast)
    assert operation("batched_nms", catalogue(("acme", rival)))._implementations["cpu"]
    with pytest.raises(RegistryError, match=r"must share one .*, got .* \(vistry\) and .* \(vistry-acme\)"):
        operation("batched_nms", catalogue(("acme", kernel(operation="batched_nms", cast=own.cast))))


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
    run_in_interpreter(Path(__file__).with_name("interpreted_nms.py"))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU; the interpreter stands in for it")
def test_the_kernel_on_a_gpu_never_waits() -> None:
    [kernel] = CORE_KERNELS
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
    from vistry.torch_layers.nms_kernel import nms_kernel

    pointers = {name: "*i64" for name in nms_kernel.arg_names if name.endswith("_at")} | {"boxes_at": "*fp32"}
    known = {**pointers, "boxes": "i32", "max_detections": "i32", "threshold": "fp32"}
    types = {name: known[name] for name in nms_kernel.arg_names if name in known}
    ptx = compile_for_gpu(nms_kernel, types, {"BLOCK": 64}, architecture, num_warps=16, enable_fp_fusion=False)
    assert "fma" not in ptx
    assert "div.rn.f32" in ptx
    assert "div.full" not in ptx
    assert "bar.sync" in ptx[ptx.index("st.global") :]
