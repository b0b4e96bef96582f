"""What the kernel computes, seen through Triton's interpreter: run by test_kernels.py in a process of its own.

The kit's own check holds it against its reference, in such a process too.
"""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
import torchvision
import vistry_retinanet.reference as plain
from torch import nn
from vistry.kernels import Operation
from vistry_retinanet.kernels import sigmoid_focal_loss

LOGITS, CLASSES, *_ = next(arguments for arguments in plain.samples(torch.float32, "cpu") if len(arguments[0]) == 3)


class Loss(nn.Module):
    """A head in small, and its loss by the kernel."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.head = nn.Linear(4, 5)
        by_kernel = {"cpu": {torch.float32: sigmoid_focal_loss}}
        self.operation = Operation("sigmoid_focal_loss", plain.sigmoid_focal_loss, by_kernel)

    def forward(self, features: torch.Tensor, classes: torch.Tensor) -> torch.Tensor:
        return self.operation(self.head(features), classes, 0.25, 2.0)


def batch(count: int) -> tuple[torch.Tensor, torch.Tensor]:
    draw = torch.Generator().manual_seed(1)
    return torch.randn((count, 9, 4), generator=draw), torch.randint(-2, 5, (count, 9), generator=draw)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("alpha", [0.25, -1.0])
def test_it_agrees_with_torchvision(alpha: float, dtype: torch.dtype) -> None:
    ours = LOGITS.to(dtype, copy=True).requires_grad_()
    theirs = ours.detach().float().requires_grad_()
    found = sigmoid_focal_loss(ours, CLASSES, alpha, 2.0)
    targets = torch.zeros_like(theirs)
    for image, anchor in torch.argwhere(CLASSES >= 0).tolist():
        targets[image, anchor, CLASSES[image, anchor]] = 1.0
    expected = torch.stack(
        [
            torchvision.ops.sigmoid_focal_loss(logits[row > -2], target[row > -2], alpha, reduction="sum")
            for logits, target, row in zip(theirs, targets, CLASSES, strict=True)
        ]
    )
    torch.testing.assert_close(found, expected)
    found.sum().backward()
    expected.sum().backward()
    assert ours.grad is not None
    assert ours.grad.dtype == dtype
    torch.testing.assert_close(ours.grad, theirs.grad.to(dtype) if theirs.grad is not None else None)


def test_it_is_exact_where_the_loss_is_tiny() -> None:
    """As is most of it: that of background which the model is sure of."""
    background = torch.full((1, 1), plain.BACKGROUND)
    for margin in (10.0, 18.0, 30.0):
        p = math.exp(-margin) / (1 + math.exp(-margin))
        expected = 0.75 * p**2 * -math.log1p(-p)
        found = float(sigmoid_focal_loss(torch.full((1, 1, 1), -margin), background, 0.25, 2.0))
        assert found == pytest.approx(expected, rel=1e-5)


@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf")  # opcheck looks at them all
def test_it_is_the_operation_that_torch_takes_it_for() -> None:
    arguments = (LOGITS.clone().requires_grad_(), CLASSES, 0.25, 2.0)
    torch.library.opcheck(torch.ops.vistry_retinanet.sigmoid_focal_loss.default, arguments)


def test_what_is_no_number_stays_none_and_does_not_spread() -> None:
    logits = LOGITS.clone()
    logits[1, 0, 0] = torch.nan
    classes = CLASSES.clone()
    classes[1, 0] = 3
    logits.requires_grad_()
    found = sigmoid_focal_loss(logits, classes, 0.25, 2.0)
    assert found.isnan().tolist() == [False, True, False]
    found.sum().backward()
    assert logits.grad is not None
    assert torch.argwhere(logits.grad.isnan()).tolist() == [[1, 0, 0]]


def test_an_ignored_anchor_has_no_gradient() -> None:
    logits = LOGITS.clone().requires_grad_()
    sigmoid_focal_loss(logits, CLASSES, 0.25, 2.0).sum().backward()
    assert logits.grad is not None
    assert torch.equal(logits.grad.any(2), CLASSES > plain.IGNORED)


def test_two_threads_may_call_it() -> None:
    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(lambda _: sigmoid_focal_loss(LOGITS, CLASSES, 0.25, 2.0), range(6)))
    assert all(torch.equal(result, results[0]) for result in results)


def test_it_compiles_into_one_graph() -> None:
    loss = Loss()
    eager = torch.autograd.grad(loss(*batch(3)).square().sum(), tuple(loss.parameters()))
    compiled = torch.compile(loss, fullgraph=True, backend="aot_eager")
    found = torch.autograd.grad(compiled(*batch(3)).square().sum(), tuple(loss.parameters()))
    for ours, theirs in zip(found, eager, strict=True):
        torch.testing.assert_close(ours, theirs)


def test_it_is_exported_and_takes_other_batches() -> None:
    loss, images = Loss().eval(), {0: torch.export.Dim("batch", min=2, max=8)}
    program = torch.export.export(loss, batch(2), dynamic_shapes=(images, images))
    called = [str(node.target) for node in program.graph.nodes]
    assert "vistry_retinanet.sigmoid_focal_loss.default" in called
    torch.testing.assert_close(program.module()(*batch(5)), loss(*batch(5)))


@pytest.mark.parametrize(("logits", "classes"), [((2, 3), (2, 3)), ((2, 3, 4), (2, 4)), ((2, 3, 0), (2, 3))])
def test_other_shapes_are_refused(logits: tuple[int, ...], classes: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"^sigmoid_focal_loss takes logits \[N, A, K\] and classes \[N, A\], not "):
        sigmoid_focal_loss(torch.ones(logits), torch.zeros(classes, dtype=torch.int64), 0.25, 2.0)


def test_other_weights_are_refused() -> None:
    with pytest.raises(ValueError, match=r"^alpha of the focal loss is from 0 to 1, or -1 for none, not -0.5$"):
        sigmoid_focal_loss(LOGITS, CLASSES, -0.5, 2.0)
    with pytest.raises(ValueError, match=r"^gamma of the focal loss is at least 0, not -1.0$"):
        sigmoid_focal_loss(LOGITS, CLASSES, 0.25, -1.0)
