"""How weights are drawn: as torch and its model libraries do it.

With numpy, since JAX would compile a program for each shape before it draws: a minute for a large model.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.float32]
Initial = Callable[[np.random.Generator, tuple[int, ...]], Values]


def uniform_by_fan_in(fan_in: int) -> Initial:
    """Uniform within 1 / sqrt(fan_in): what torch draws for the weights and biases of its layers."""
    bound = 1 / math.sqrt(fan_in)

    def draw(random: np.random.Generator, shape: tuple[int, ...]) -> Values:
        return (random.random(shape, np.float32) * 2 - 1) * np.float32(bound)

    return draw


def normal(deviation: float) -> Initial:
    """Normal around 0."""

    def draw(random: np.random.Generator, shape: tuple[int, ...]) -> Values:
        return random.standard_normal(shape, np.float32) * np.float32(deviation)

    return draw


def normal_by_fan_out(random: np.random.Generator, shape: tuple[int, ...]) -> Values:
    """Normal with a variance of 2 / fan_out, for a weight [O, I, ...] (He et al., 2015, section 2.2, backward case)."""
    fan_out = shape[0] * math.prod(shape[2:])
    return normal(math.sqrt(2 / fan_out))(random, shape)


def zeros(random: Any, shape: tuple[int, ...]) -> Values:  # noqa: ARG001
    """Nothing is drawn."""
    return np.zeros(shape, np.float32)


def ones(random: Any, shape: tuple[int, ...]) -> Values:  # noqa: ARG001
    """Nothing is drawn."""
    return np.ones(shape, np.float32)
