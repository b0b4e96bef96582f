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


def alike(x, y):
    assert x.dtype == y.dtype
    return x * y


def reference(x, y):
    assert x.dtype == y.dtype
    return x * y


def in_float64(x, y):
    return (x * y).double()


def offset(x, y):
    return torch.relu(x * y) + 0.125


def nan(x, y):
    return torch.relu(x * y) / 0 * 0


def wide(x, y):
    return torch.relu(x * y).double()


def constant(x, y):
    return torch.relu(x.detach() * y)


def some(dtype, device):
    draw = torch.Generator().manual_seed(0)
    yield torch.randn(50, generator=draw).to(device, dtype), torch.arange(50).flip(0), 0.5
    yield torch.zeros(3, dtype=dtype, device=device), torch.arange(3), 0.5


def cut_off(x, y):
    return torch.relu(x * y).detach()


def picked(x, places, times):
    return times * x[places].float()


def picked_once(x, places, times):
    return x[places].float()


def ranks(x, places, times):
    return x[places].argsort()


def other_ranks(x, places, times):
    return x[places].argsort().clamp(min=1)


def short_ranks(x, places, times):
    return x[places].argsort().int()
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
        ("wide", r"result is \[50\] in torch.float64 instead of \[50\] in torch.float32$"),
        ("constant", r"gradient of argument 1 is missing$"),
    ],
)
def test_a_kernel_that_does_not(told: Any, name: str, expected: str) -> None:
    start = r"^multiply_relu in float32 of \[50\], \[50\]: the "
    assert len([sentence for sentence in told(name) if re.search(start + expected, sentence)]) == 1


@pytest.mark.parametrize("cast", ["widest", "first", "float32"])
def test_tensors_of_two_dtypes_are_compared_too(told: Any, cast: str) -> None:
    assert told("alike", reference="wrong:reference", cast=cast) == []
    found = told("in_float64", reference="wrong:reference", cast=cast)
    assert any(
        re.search(r"^multiply_relu in float32 and bfloat16: the result is \[\d+\] in torch.float64", one)
        for one in found
    )


def test_an_operation_without_gradients_agrees_with_one_that_has_none_either(told: Any) -> None:
    assert told("cut_off", reference="wrong:cut_off") == []
    start = "multiply_relu in float32 of [50], [50]: the gradient of argument 1 is "
    assert f"{start}missing" in told("cut_off")
    assert f"{start[:-3]}has no counterpart in the reference" in told("halved", reference="wrong:cut_off")


class TestOtherArgumentsAndResults:
    """Whole numbers and settings among the arguments; a result in another dtype, or in whole numbers."""

    def told(self, told: Any, name: str, reference: str) -> Any:
        return told(name, reference=f"wrong:{reference}", samples="wrong:some")

    def test_that_agree(self, told: Any) -> None:
        assert self.told(told, "picked", "picked") == []
        assert self.told(told, "ranks", "ranks") == []

    def test_a_setting_that_is_not_heeded(self, told: Any) -> None:
        start = "multiply_relu in float32 of [50], [50], 0.5: the "
        assert self.told(told, "picked_once", "picked") == [
            f"{start}result is off by 1 of its largest value, more than 1e-06",
            f"{start}gradient of argument 1 is off by 1 of its largest value, more than 1e-06",
            "multiply_relu in float32 of [3], [3], 0.5: the gradient of argument 1 is off by 1 of its largest value, "
            "more than 1e-06",
        ]

    def test_whole_numbers_have_to_be_equal(self, told: Any) -> None:
        assert self.told(told, "other_ranks", "ranks") == [
            f"multiply_relu in float32 of [{size}], [{size}], 0.5: the result differs in 1 of {size} places; whole "
            "numbers must be equal"
            for size in (50, 3)
        ]
        assert "is [50] in torch.int32 instead of [50] in torch.int64" in self.told(told, "short_ranks", "ranks")[0]


def test_a_kernel_without_samples_has_not_been_tried(kernel: Make) -> None:
    assert disagreements(kernel(samples="operations:no_samples", tolerance={"float32": 1e-6})) == [
        "multiply_relu in float32: operations:no_samples yields no sample"
    ]


def test_without_its_device_it_is_tried_in_a_process_of_its_own(told: Any, kernel: Make) -> None:
    [sentence] = [line for line in told("halved", devices=("xpu",)) if "[50]" in line]
    assert "the gradient of argument 2 is off by 0.5" in sentence
    with pytest.raises(RegistryError) as caught:
        disagreements(kernel(devices=("xpu",), implementation="no_such_module:kernel"))
    assert str(caught.value) == (
        "no_such_module:kernel fails in Triton's interpreter: ModuleNotFoundError: No module named 'no_such_module'"
    )
