"""Modules one after the other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flax import nnx


class Sequential(nnx.Module):
    """Calls each layer with what the one before returned; like torch's, they are named "0", "1" and so on.

    A layer is a module or a function; a function takes a number and has no tensors.
    """

    def __init__(self, *layers: Callable[[Any], Any]):
        self.length = len(layers)
        for index, layer in enumerate(layers):
            setattr(self, str(index), layer)

    def __call__(self, x: Any) -> Any:
        """The last layer's result."""
        for index in range(self.length):
            x = getattr(self, str(index))(x)
        return x
