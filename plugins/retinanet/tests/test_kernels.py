"""The kernel's reference against torchvision's own loss, and the kernel against its reference."""

from __future__ import annotations

import math
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch
from torchvision.models.detection.retinanet import RetinaNetClassificationHead
from vistry.kernels import disagreements, kernels_for
from vistry.registry.catalogue import Catalogue
from vistry.testing.triton_kernels import compile_for_gpu, run_in_interpreter
from vistry_retinanet.reference import sigmoid_focal_loss

needs_triton = pytest.mark.skipif(find_spec("triton") is None, reason="Triton comes with torch on Linux alone")


def test_the_reference_by_hand() -> None:
    """An anchor of class 0 of two with even odds: alpha / 4 * log 2 for it, (1 - alpha) / 4 * log 2 for the other."""
    classes = torch.tensor([[0, -1, -2]])
    [found] = sigmoid_focal_loss(torch.zeros((1, 3, 2)), classes, 0.25, 2.0).tolist()
    assert found == pytest.approx((0.25 + 0.75 + 2 * 0.75) / 4 * math.log(2))
    [found] = sigmoid_focal_loss(torch.zeros((1, 3, 2)), classes, -1.0, 0.0).tolist()
    assert found == pytest.approx(4 * math.log(2))


def test_the_reference_makes_the_loss_of_torchvisions_head() -> None:
    """From the same marks: of each image per object's anchor, at least one, then the mean over images."""
    draw = torch.Generator().manual_seed(0)
    logits = torch.randn((3, 40, 6), generator=draw)
    labels = torch.randint(6, (3, 4), generator=draw)
    matched = torch.randint(-2, 4, (3, 40), generator=draw)
    matched[2] = -1
    head = RetinaNetClassificationHead(8, 1, 6)
    targets = [{"labels": row} for row in labels]
    expected = head.compute_loss(targets, {"cls_logits": logits}, list(matched))
    classes = labels.gather(1, matched.clamp(min=0)).where(matched >= 0, matched)
    found = sigmoid_focal_loss(logits, classes, 0.25, 2.0) / (matched >= 0).sum(1).clamp(min=1)
    torch.testing.assert_close(found.mean(), expected)


def test_the_reference_adds_up_in_float32_whatever_the_logits_hold() -> None:
    logits = torch.randn((2, 5000, 3), generator=torch.Generator().manual_seed(0)).bfloat16()
    classes = torch.full((2, 5000), -1)
    found = sigmoid_focal_loss(logits, classes, 0.25, 2.0)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found.double(), sigmoid_focal_loss(logits.double(), classes, 0.25, 2.0))


@needs_triton
def test_the_kernel_in_the_interpreter() -> None:
    run_in_interpreter(Path(__file__).with_name("interpreted_kernels.py"))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU; the interpreter stands in for it")
def test_the_kernel_on_a_gpu() -> None:
    [kernel] = kernels_for(Catalogue.read(), "sigmoid_focal_loss")
    assert disagreements(kernel.spec) == []


@needs_triton
@pytest.mark.parametrize("architecture", [80, 90])
@pytest.mark.parametrize(("dtype", "size", "classes"), [("bf16", 2, 80), ("fp16", 2, 91), ("fp32", 4, 1)])
def test_it_compiles_for_gpus_that_are_not_here(architecture: int, dtype: str, size: int, classes: int) -> None:
    """And reads and writes 16 bytes at once where an image's logits are a multiple of 16."""
    from vistry_retinanet.kernels import backward_kernel, forward_kernel

    pointers = {"upstream_at": "fp32", "logits_at": dtype, "classes_at": "i64", "sums_at": "fp32", "gradient_at": dtype}
    numbers = {"size": "i32", "pieces": "i32", "alpha": "fp32", "gamma": "fp32"}
    constants = {"CLASSES": classes, "BLOCK": 4096}
    for kernel, maps in ((forward_kernel, 1), (backward_kernel, 2)):
        types = {name: f"*{pointers[name]}" if name in pointers else numbers[name] for name in kernel.arg_names[:-2]}
        whole = [name for name in types if types[name] != "fp32"]
        ptx = compile_for_gpu(kernel, types, constants, architecture, divisible_by_16=whole, num_warps=8)
        wide = ptx.count("ld.global.v4.b32") + ptx.count("st.global.v4.b32")
        assert wide >= maps * 4096 * size // (8 * 32 * 16)
