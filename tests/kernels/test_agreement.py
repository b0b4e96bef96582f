"""A kernel that isn't what its reference is gets caught, forward and backward."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from vistry.errors import RegistryError
from vistry.kernels.agreement import disagreements

Make = Any
WRONG = """
import torch


class Halved(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, y):
        ctx.save_for_backward(x, y)
        return torch.relu(x * y)

    @staticmethod
    def backward(ctx, upstream):
        x, y = ctx.saved_tensors
        passed = upstream * (x * y > 0)
        return passed * y, passed * x / 2


halved = Halved.apply


def offset(x, y):
    return torch.relu(x * y) + 0.125


def nan(x, y):
    return torch.relu(x * y) / 0 * 0


def wide(x, y):
    return torch.relu(x * y).double()


def constant(x, y):
    return torch.relu(x.detach() * y)
"""


@pytest.fixture
def told(place: Path, kernel: Make) -> Any:
    (place / "wrong.py").write_text(WRONG)

    def sentences(name: str, **changes: Any) -> list[str]:
        return disagreements(kernel(implementation=f"wrong:{name}", tolerance={"float32": 1e-6}, **changes))

    return sentences


def test_a_kernel_that_agrees(kernel: Make) -> None:
    assert disagreements(kernel()) == []


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("halved", r"gradient of argument 2 is off by 0\.5 of its largest value, more than 1e-06$"),
        ("offset", r"result is off by 0\.0\d+ of its largest value, more than 1e-06$"),
        ("nan", r"result is off by nan of its largest value, more than 1e-06$"),
        ("wide", r"result is \[50\] in torch.float64 in place of \[50\] in torch.float32$"),
        ("constant", r"gradient of argument 1 is missing$"),
    ],
)
def test_a_kernel_that_does_not(told: Any, name: str, expected: str) -> None:
    start = r"^multiply_relu in float32 of \[50\], \[50\]: the "
    assert len([sentence for sentence in told(name) if re.search(start + expected, sentence)]) == 1


def test_a_kernel_without_samples_has_not_been_tried(kernel: Make) -> None:
    assert disagreements(kernel(samples="operations:no_samples", tolerance={"float32": 1e-6})) == [
        "multiply_relu in float32: operations:no_samples gives no sample"
    ]


def test_without_its_device_it_is_tried_in_a_process_of_its_own(told: Any, kernel: Make) -> None:
    [sentence] = [line for line in told("halved", devices=("xpu",)) if "[50]" in line]
    assert "the gradient of argument 2 is off by 0.5" in sentence
    with pytest.raises(RegistryError) as caught:
        disagreements(kernel(devices=("xpu",), implementation="no_such_module:kernel"))
    assert str(caught.value) == (
        "no_such_module:kernel fails in Triton's interpreter: ModuleNotFoundError: No module named 'no_such_module'"
    )
