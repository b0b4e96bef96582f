"""What sides a network takes is its own, whatever another network of its class takes."""

from __future__ import annotations

from itertools import permutations

import pytest
import torch
from torch import nn
from vistry_timm.describe import CLASSES, sides_of


class Picky(nn.Module):
    """Takes images from a side on, of multiples of a step."""

    def __init__(self, smallest: int, step: int) -> None:
        super().__init__()
        self.sides = smallest, step

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        smallest, step = self.sides
        if images.shape[-1] < smallest or images.shape[-1] % step:
            raise ValueError("not such images")
        return images.new_empty(len(images), CLASSES)


KINDS = ((32, 1), (64, 1), (32, 32), (64, 32), (192, 64), (96, 8), (128, 16))


@pytest.mark.parametrize(("first", "second"), list(permutations(KINDS, 2)))
def test_of_two_networks_of_a_class_each_has_its_own(first: tuple[int, int], second: tuple[int, int]) -> None:
    of_first = sides_of(Picky(*first), 256, None)
    assert of_first == first
    assert sides_of(Picky(*second), 256, of_first) == second


def test_a_network_of_one_size() -> None:
    size = 224

    class Fixed(Picky):
        def forward(self, images: torch.Tensor) -> torch.Tensor:
            assert images.shape[-1] == size
            return super().forward(images)

    assert sides_of(Fixed(1, 1), size, (32, 1)) == (size, size)
    assert sides_of(Picky(32, 1), size, (size, size)) == (32, 1)


def test_one_that_takes_nothing() -> None:
    with pytest.raises(ValueError, match="it gives no logits for images of 256 pixels"):
        sides_of(Picky(1000, 1), 256, (32, 1))
