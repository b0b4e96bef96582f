"""The network of mynet."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from itertools import pairwise

from torch import nn


class Net(nn.Sequential):
    """A stem, four stages of which each halves the map, the mean over the image, and a linear head."""

    def __init__(self, num_classes: int, widths: Sequence[int]) -> None:
        stages = [stage(inputs, outputs) for inputs, outputs in pairwise((widths[0], *widths))]
        layers = OrderedDict[str, nn.Module](stem=stage(3, widths[0]))
        layers |= {f"stage{number}": module for number, module in enumerate(stages, 1)}
        layers |= {"pool": nn.AdaptiveAvgPool2d(1), "flatten": nn.Flatten(), "head": nn.Linear(widths[-1], num_classes)}
        super().__init__(layers)


def stage(inputs: int, outputs: int) -> nn.Sequential:
    """[N, inputs, H, W] to [N, outputs, H / 2, W / 2]."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride=2, padding=1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(),
        nn.Conv2d(outputs, outputs, 3, padding=1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(),
    )
