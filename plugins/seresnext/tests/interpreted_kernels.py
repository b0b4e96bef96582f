"""What the kernel computes, seen through Triton's interpreter: run by test_kernels.py in a process of its own.

The kit's own check holds it against its reference, in such a process too.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
import vistry_seresnext.reference as plain
from torch import nn
from vistry.kernels import Operation
from vistry_seresnext.kernels import scale_add_relu

SAMPLES = list(plain.samples(torch.float32, "cpu"))


class End(nn.Module):
    """A block in small: a convolution, its gate, and the operation by its kernel."""

    def __init__(self, operation: Operation) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(4, 4, 3, padding=1)
        self.excitation = nn.Conv2d(4, 4, 1)
        self.operation = operation

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        out = self.convolution(images)
        gate = self.excitation(out.mean((2, 3), keepdim=True)).sigmoid()
        return self.operation(out, gate, images)


@pytest.fixture
def end() -> End:
    torch.manual_seed(0)
    by_kernel = {"cpu": {torch.float32: scale_add_relu}}
    return End(Operation("scale_add_relu", plain.scale_add_relu, by_kernel)).to(memory_format=torch.channels_last)


def images(count: int) -> torch.Tensor:
    drawn = torch.randn((count, 4, 6, 6), generator=torch.Generator().manual_seed(1))
    return drawn.contiguous(memory_format=torch.channels_last)


@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf")  # opcheck looks at them all
def test_it_is_the_operation_that_torch_takes_it_for() -> None:
    leaves = tuple(tensor.detach().requires_grad_() for tensor in SAMPLES[3])
    torch.library.opcheck(torch.ops.vistry_seresnext.scale_add_relu.default, leaves)


def test_the_result_has_the_layout_of_x() -> None:
    for x, gate, residual in SAMPLES[:-1]:
        assert scale_add_relu(x, gate, residual).stride() == x.stride()


def test_what_is_no_number_stays_none_and_does_not_spread() -> None:
    x, gate, residual = SAMPLES[2]
    x = x.clone()
    x[0, 0, 0, 0] = torch.nan
    found = scale_add_relu(x, gate, residual)
    assert torch.equal(found.isnan(), plain.scale_add_relu(x, gate, residual).isnan())
    assert int(found.isnan().sum()) == 1


def test_two_threads_may_call_it() -> None:
    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(lambda _: scale_add_relu(*SAMPLES[2]), range(6)))
    assert all(torch.equal(result, results[0]) for result in results)


def test_it_compiles_into_one_graph(end: End) -> None:
    batch = images(3)
    eager = torch.autograd.grad(end(batch).square().sum(), tuple(end.parameters()))
    compiled = torch.compile(end, fullgraph=True, backend="aot_eager")
    found = torch.autograd.grad(compiled(batch).square().sum(), tuple(end.parameters()))
    for ours, theirs in zip(found, eager, strict=True):
        torch.testing.assert_close(ours, theirs)


def test_it_is_exported_and_takes_other_batches(end: End) -> None:
    batches = {0: torch.export.Dim("batch", min=2, max=8)}
    program = torch.export.export(end.eval(), (images(2),), dynamic_shapes=(batches,))
    called = [str(node.target) for node in program.graph.nodes]
    assert "vistry_seresnext.scale_add_relu.default" in called
    torch.testing.assert_close(program.module()(images(5)), end(images(5)))


@pytest.mark.parametrize(
    ("gate", "residual"), [((2, 3), (2, 3, 4, 4)), ((2, 3, 1, 1), (2, 3, 4, 1)), ((1, 3, 1, 1), (2, 3, 4, 4))]
)
def test_other_shapes_are_refused(gate: tuple[int, ...], residual: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"^scale_add_relu takes \[N, C, H, W\], .* not \[2, 3, 4, 4\], "):
        scale_add_relu(torch.ones(2, 3, 4, 4), torch.ones(gate), torch.ones(residual))
