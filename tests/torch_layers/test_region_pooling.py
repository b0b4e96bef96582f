"""Pooling of regions against torchvision's, forward and backward."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torchvision.ops import MultiScaleRoIAlign
from vistry.torch_layers.region_pooling import RegionPooling

NAMES = ["0", "1", "2"]


def maps_of(images: int, seed: int = 0) -> dict[str, torch.Tensor]:
    random = torch.Generator().manual_seed(seed)
    sizes = {"0": (24, 32), "1": (12, 16), "2": (6, 8)}
    return {name: torch.randn(images, 5, *size, generator=random).requires_grad_() for name, size in sizes.items()}


def compared(boxes: list[torch.Tensor], size: int, samples: int) -> None:
    shapes = [(96, 128)] * len(boxes)
    results, gradients = [], []
    for kind in (MultiScaleRoIAlign, RegionPooling):
        maps = maps_of(len(boxes))
        pooled = kind(NAMES, size, samples)(maps, boxes, shapes)
        weights = torch.randn(pooled.shape, generator=torch.Generator().manual_seed(1))
        (pooled * weights).sum().backward()
        results.append(pooled.detach())
        gradients.append({name: value.grad for name, value in maps.items()})
    torch.testing.assert_close(results[1], results[0], rtol=1e-4, atol=1e-4)
    for name in NAMES:
        ours, theirs = (found[name] for found in (gradients[1], gradients[0]))
        torch.testing.assert_close(
            ours if ours is not None else torch.zeros(()),
            theirs if theirs is not None else torch.zeros(()),
            rtol=1e-4,
            atol=1e-4,
        )


@settings(max_examples=25)
@given(seed=st.integers(0, 10_000), size=st.sampled_from([1, 7, 14]), samples=st.sampled_from([1, 2, 3]))
def test_random_boxes(seed: int, size: int, samples: int) -> None:
    random = torch.Generator().manual_seed(seed)
    boxes = []
    for count in torch.randint(1, 8, (2,), generator=random).tolist():
        corner = torch.rand(count, 2, generator=random) * torch.tensor([128.0, 96.0]) - 10
        boxes.append(torch.cat([corner, corner + torch.rand(count, 2, generator=random) * 110], dim=1))
    compared(boxes, size, samples)


@pytest.mark.parametrize(
    "box",
    [
        (0, 0, 128, 96),
        (-50, -50, 300, 200),
        (127, 95, 128, 96),
        (10, 10, 10, 10),
        (40, 30, 20, 10),
        (400, 400, 500, 500),
        (-400, -400, -300, -300),
    ],
)
def test_boxes_at_and_beyond_the_edges(box: tuple[float, ...]) -> None:
    compared([torch.tensor([box], dtype=torch.float32)] * 2, 7, 2)


def test_an_image_without_boxes_and_none_at_all() -> None:
    some, nothing = torch.tensor([[3.0, 3, 50, 40]]), torch.zeros(0, 4)
    compared([nothing, some], 7, 2)
    pooled = RegionPooling(NAMES, 7, 2)(maps_of(2), [nothing, nothing], [(96, 128)] * 2)
    assert pooled.shape == (0, 5, 7, 7)
    pooled.sum().backward()


def test_half_precision_is_pooled_in_full() -> None:
    maps = {name: value.detach().bfloat16() for name, value in maps_of(1).items()}
    pooled = RegionPooling(NAMES, 7, 2)(maps, [torch.tensor([[3.0, 3, 50, 40]])], [(96, 128)])
    assert pooled.dtype == torch.bfloat16
