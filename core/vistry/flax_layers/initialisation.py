"""Initial weights, drawn as torch and its model libraries draw them.

numpy draws them, because JAX would compile a program for each shape first: a minute for a large model.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

InitialValues = npt.NDArray[np.float32]
Initial = Callable[[np.random.Generator, tuple[int, ...]], InitialValues]


def uniform_by_fan_in(fan_in: int) -> Initial:
    """Draw uniformly within 1 / sqrt(fan_in), as torch does for the weights and biases of its layers."""
    return _uniform(1 / math.sqrt(fan_in))


def uniform_by_variance(fan_in: int) -> Initial:
    """Draw uniformly with a variance of 1 / fan_in, as He et al. (2015) do it where no rectifier follows."""
    return _uniform(math.sqrt(3 / fan_in))


def _uniform(bound: float) -> Initial:
    def draw(random: np.random.Generator, shape: tuple[int, ...]) -> InitialValues:
        return (random.random(shape, np.float32) * 2 - 1) * np.float32(bound)

    return draw


def normal(deviation: float) -> Initial:
    """Draw from a normal distribution around 0 with this standard deviation."""

    def draw(random: np.random.Generator, shape: tuple[int, ...]) -> InitialValues:
        return random.standard_normal(shape, np.float32) * np.float32(deviation)

    return draw


def normal_by_fan_out(random: np.random.Generator, shape: tuple[int, ...]) -> InitialValues:
    """Draw a weight [O, I, ...] with a variance of 2 / fan_out (He et al., 2015, section 2.2, backward case)."""
    fan_out = shape[0] * math.prod(shape[2:])
    return normal(math.sqrt(2 / fan_out))(random, shape)


def zeros(random: Any, shape: tuple[int, ...]) -> InitialValues:  # noqa: ARG001
    """Return zeros; nothing is drawn."""
    return np.zeros(shape, np.float32)


def ones(random: Any, shape: tuple[int, ...]) -> InitialValues:  # noqa: ARG001
    """Return ones; nothing is drawn."""
    return np.ones(shape, np.float32)
