"""What residual networks share: convolutions before a batch norm, and stages of blocks that halve the map."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from flax import nnx

from vistry.flax_layers.convolution import Conv
from vistry.flax_layers.initialisation import normal_by_fan_out
from vistry.flax_layers.layers import Sequential

# Channels of the first stage; each later one has twice as many (He et al., 2016).
FIRST_WIDTH = 64

Block = Callable[[int, int, int], nnx.Module]
"""Builds a block from its input channels, its width and its stride."""


def padded_conv(
    inputs: int, outputs: int, kernel: int, random: np.random.Generator, *, stride: int = 1, groups: int = 1
) -> Conv:
    """Build a convolution without a bias, padded so that it keeps the size at stride 1.

    Its weights are drawn as residual networks draw theirs (He et al., 2015). `kernel` is odd.
    """
    return Conv(
        inputs,
        outputs,
        kernel,
        stride=stride,
        padding=kernel // 2,
        groups=groups,
        use_bias=False,
        weight=normal_by_fan_out,
        random=random,
    )


def residual_stages(blocks: Sequence[int], inputs: int, expansion: int, build_block: Block) -> list[Sequential]:
    """Build the stages of a residual network (He et al., 2015, table 1).

    A stage is twice as wide as the one before, beginning with 64, and but for the first it halves the map.

    Args:
        blocks: the number of blocks of each stage.
        inputs: the channels that the first stage is given.
        expansion: a block's output channels as a multiple of its width.
        build_block: builds a block from its input channels, its width and its stride.
    """
    stages = []
    for stage, count in enumerate(blocks):
        width = FIRST_WIDTH * 2**stage
        built = []
        for index in range(count):
            built.append(build_block(inputs, width, 2 if stage and not index else 1))
            inputs = width * expansion
        stages.append(Sequential(*built))
    return stages
