"""An operation is computed by a kernel exactly where policy, device and dtype say so."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from runpy import run_path
from typing import Any

import pytest
import torch
from vistry.errors import RegistryError
from vistry.kernels import operation
from vistry.registry.manifest import KernelSpec

catalogue = run_path(str(Path(__file__).with_name("conftest.py")))["catalogue"]
Make = Any
PAIR = torch.tensor([-2.0, 3.0]), torch.tensor([4.0, 5.0])
BY_REFERENCE = torch.tensor([0.0, 15.0])
BY_KERNEL = torch.tensor([7.0, 7.0])


@pytest.fixture
def tagged(kernel: Make) -> KernelSpec:
    return kernel(implementation="operations:tagged")


def refusal(found: Any, *tensors: torch.Tensor) -> str:
    with pytest.raises(RegistryError) as caught:
        found(*tensors)
    return str(caught.value)


def test_a_kernel_takes_its_device_and_its_dtypes(tagged: KernelSpec) -> None:
    found = operation("multiply_relu", catalogue(("acme", tagged)))
    assert torch.equal(found(*PAIR), BY_KERNEL)
    assert torch.equal(found(*(tensor.bfloat16() for tensor in PAIR)), BY_KERNEL.bfloat16())
    assert torch.equal(found(*(tensor.double() for tensor in PAIR)), BY_REFERENCE.double())
    assert torch.equal(found(PAIR[0], PAIR[1].double()), BY_REFERENCE.double())
    assert found(*(tensor.to("meta") for tensor in PAIR)).device.type == "meta"


def test_under_an_autocast_a_kernel_is_called_as_often_as_in_fp32(place: Path, kernel: Make) -> None:
    """A convolution gives bfloat16 there, and a parameter stays float32."""
    (place / "counted.py").write_text(
        "calls = []\ndef fast(x, y):\n    calls.append((x.dtype, y.dtype))\n    return x * y\n"
    )
    spec = kernel(implementation="counted:fast", reference="operations:reference")
    found = operation("multiply_relu", catalogue(("acme", spec)))
    import counted  # type: ignore[import-not-found]

    network, scale = torch.nn.Conv2d(1, 1, 1), torch.nn.Parameter(torch.ones(1, 1, 1, 1))
    for enabled in (False, True):
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=enabled):
            maps = [network(torch.ones(1, 1, 2, 2)) for _ in range(3)]
            results = [found(one, scale) for one in maps]
        assert maps[0].dtype == (torch.bfloat16 if enabled else torch.float32)
        assert {result.dtype for result in results} == {torch.float32}
    assert counted.calls == [(torch.float32, torch.float32)] * 6


BFLOAT16, FLOAT32, FLOAT64 = torch.bfloat16, torch.float32, torch.float64


@pytest.mark.parametrize("use", ["auto", "off"])
@pytest.mark.parametrize(
    ("cast", "first", "second", "expected"),
    [
        ("widest", BFLOAT16, FLOAT32, FLOAT32),
        ("widest", FLOAT32, BFLOAT16, FLOAT32),
        ("widest", BFLOAT16, torch.float16, FLOAT32),
        ("widest", BFLOAT16, BFLOAT16, BFLOAT16),
        ("widest", FLOAT32, FLOAT64, FLOAT64),
        ("first", BFLOAT16, FLOAT32, BFLOAT16),
        ("first", FLOAT32, BFLOAT16, FLOAT32),
        ("float32", BFLOAT16, BFLOAT16, FLOAT32),
        ("float32", FLOAT64, BFLOAT16, FLOAT64),
    ],
)
def test_tensors_are_cast_by_the_rule_whoever_computes(
    kernel: Make, use: str, cast: str, first: torch.dtype, second: torch.dtype, expected: torch.dtype
) -> None:
    found = operation("multiply_relu", catalogue(("acme", kernel(cast=cast)), use=use))
    pair = PAIR[0].to(first).clone().requires_grad_(), PAIR[1].to(second).clone().requires_grad_()
    result = found(*pair)
    assert torch.equal(result, BY_REFERENCE.to(expected))
    result.sum().backward()
    assert [leaf.grad.dtype for leaf in pair if leaf.grad is not None] == [first, second]
    assert torch.equal(pair[0].grad, torch.tensor([0.0, 5.0]).to(first))  # type: ignore[arg-type]


def test_without_a_rule_tensors_of_two_dtypes_are_the_references(kernel: Make, tagged: KernelSpec) -> None:
    found = operation("multiply_relu", catalogue(("acme", kernel(implementation=tagged.implementation, cast="none"))))
    assert torch.equal(found(*PAIR), BY_KERNEL)
    assert torch.equal(found(PAIR[0].bfloat16(), PAIR[1]), BY_REFERENCE)


def test_an_autocast_changes_neither_the_kernel_nor_the_reference(place: Path, kernel: Make) -> None:
    (place / "products.py").write_text("def reference(x, y): return x @ y\ndef fast(x, y): return x @ y\n")
    spec = kernel(implementation="products:fast", reference="products:reference")
    for use in ("auto", "off"):
        found = operation("multiply_relu", catalogue(("acme", spec), use=use))
        with torch.autocast("cpu", dtype=torch.bfloat16):
            assert found(torch.ones(2, 2), torch.ones(2, 2)).dtype == torch.float32
            assert found(torch.ones(2, 2).bfloat16(), torch.ones(2, 2).bfloat16()).dtype == torch.bfloat16


def test_whole_numbers_and_settings_do_not_decide(place: Path, kernel: Make) -> None:
    (place / "settings.py").write_text("def reference(*them): return them[::-1]\ndef fast(*them): return them\n")
    spec = kernel(implementation="settings:fast", reference="settings:reference")
    found = operation("multiply_relu", catalogue(("acme", spec)))
    labels = torch.tensor([1, 2])
    assert found(PAIR[0], labels, 3)[1:] == (labels, 3)
    assert found(PAIR[0].double(), labels, 3)[:2] == (3, labels)


def test_a_kernel_for_a_device_that_is_not_here_is_not_even_imported(kernel: Make) -> None:
    elsewhere = kernel(devices=("xpu",), implementation="no_such_module:kernel")
    found = operation("multiply_relu", catalogue(("acme", elsewhere)))
    assert torch.equal(found(*PAIR), BY_REFERENCE)


def test_off_means_the_reference_and_imports_no_kernel(kernel: Make) -> None:
    spec = kernel(implementation="no_such_module:kernel")
    found = operation("multiply_relu", catalogue(("acme", spec), ("other", spec), use="off"))
    assert torch.equal(found(*PAIR), BY_REFERENCE)


def test_what_is_required_and_not_there_is_an_error(tagged: KernelSpec, kernel: Make) -> None:
    found = operation("multiply_relu", catalogue(("acme", tagged), use="require"))
    assert torch.equal(found(*PAIR), BY_KERNEL)
    ending = "; use auto to fall back to the reference"
    start = "the policy requires kernels, but no kernel for 'multiply_relu' runs on "
    assert refusal(found, PAIR[0].double(), PAIR[1]) == f"{start}cpu in float64{ending}"
    assert refusal(found, *(tensor.to("meta") for tensor in PAIR)) == f"{start}meta in float32{ending}"
    elsewhere = catalogue(("acme", kernel(devices=("xpu", "mps"))), use="require")
    assert refusal(lambda: operation("multiply_relu", elsewhere)) == f"{start}this machine (needs mps, xpu){ending}"


def test_a_kernel_that_cannot_be_loaded(kernel: Make) -> None:
    spec = kernel(implementation="no_such_module:kernel")
    reason = "can't load the kernel no_such_module:kernel of vistry-acme: No module named 'no_such_module'"
    with pytest.warns(UserWarning, match="kernel") as warned:
        found = operation("multiply_relu", catalogue(("acme", spec)))
    assert [str(warning.message) for warning in warned] == [
        f"{reason}; its reference is used instead; "
        "install the missing package, or set VISTRY_KERNELS=off to use no kernels"
    ]
    assert torch.equal(found(*PAIR), BY_REFERENCE)
    required = catalogue(("acme", spec), use="require")
    assert refusal(lambda: operation("multiply_relu", required)) == f"{reason}; the policy requires kernels"


def test_a_name_that_the_module_has_not(kernel: Make) -> None:
    found = catalogue(("acme", kernel(implementation="operations:fats")))
    assert refusal(lambda: operation("multiply_relu", found)) == (
        "invalid reference 'operations:fats': operations has no 'fats'; correct the plugin"
    )


def test_an_operation_that_nothing_brings(kernel: Make) -> None:
    found = catalogue(("acme", kernel()))
    assert refusal(lambda: operation("multiply_rleu", found)) == (
        "unknown operation 'multiply_rleu'; did you mean 'multiply_relu'?"
    )


class TestTwoKernels:
    def test_policy_settles_who_wins(self, tagged: KernelSpec, kernel: Make) -> None:
        both = (("one", kernel()), ("two", tagged))
        assert refusal(lambda: operation("multiply_relu", catalogue(*both))) == (
            "several kernels for 'multiply_relu' on cpu in float32: operations:fast of vistry-one and "
            "operations:tagged of vistry-two; choose one in registry.toml:\n"
            '[kernels.prefer]\nmultiply_relu = "vistry-one"'
        )
        for order in (both, both[::-1]):
            assert torch.equal(operation("multiply_relu", catalogue(*order, prefer="vistry-two"))(*PAIR), BY_KERNEL)
            assert torch.equal(operation("multiply_relu", catalogue(*order, prefer="one"))(*PAIR), BY_REFERENCE)
        assert "several kernels" in refusal(lambda: operation("multiply_relu", catalogue(*both, prefer="three")))

    def test_they_may_share_the_work(self, tagged: KernelSpec, kernel: Make) -> None:
        double = kernel(tolerance={"float64": 1e-6})
        found = operation("multiply_relu", catalogue(("one", tagged), ("two", double), use="require"))
        assert torch.equal(found(*PAIR), BY_KERNEL)
        assert torch.equal(found(*(tensor.double() for tensor in PAIR)), BY_REFERENCE.double())

    def test_they_must_cast_alike(self, kernel: Make) -> None:
        found = catalogue(("one", kernel()), ("two", kernel(cast="first")))
        assert refusal(lambda: operation("multiply_relu", found)) == (
            "kernels for 'multiply_relu' must share one rule of casting, got widest (vistry-one) and first "
            "(vistry-two); rename one operation, or disable one of the plugins"
        )

    def test_they_must_mean_the_same(self, kernel: Make) -> None:
        found = catalogue(("one", kernel()), ("two", kernel(reference="operations:other")))
        assert refusal(lambda: operation("multiply_relu", found)) == (
            "kernels for 'multiply_relu' must share one reference implementation, got operations:reference "
            "(vistry-one) and operations:other (vistry-two); rename one operation, or disable one of the plugins"
        )


def test_a_module_that_holds_an_operation_can_be_copied_compiled_and_exported(tagged: KernelSpec) -> None:
    class Module(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.operation = operation("multiply_relu", catalogue(("acme", tagged)))

        def forward(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
            return self.operation(x, y)

    module = deepcopy(Module())
    assert list(module.state_dict()) == []
    compiled = torch.compile(module, fullgraph=True, backend="eager")
    exported = torch.export.export(module, PAIR).module()
    for run in (module, compiled, exported):
        assert torch.equal(run(*PAIR), BY_KERNEL)
    assert torch.equal(compiled(*(tensor.double() for tensor in PAIR)), BY_REFERENCE.double())
    mixed = PAIR[0].bfloat16(), PAIR[1]
    exported = torch.export.export(module, mixed).module()
    for run in (module, compiled, exported):
        assert torch.equal(run(*mixed), BY_KERNEL)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(torch.compile(module, fullgraph=True, backend="eager")(*mixed), BY_KERNEL)
