"""Compiling, which takes long enough that it has to be said."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import jax


class Compiled:
    """A function compiled for each shape of its arguments; it says so beforehand, and how long it took."""

    def __init__(
        self,
        function: Callable[..., Any],
        what: str,
        say: Callable[[str], None],
        *,
        donated: tuple[int, ...] = (),
        options: dict[str, Any] | None = None,
    ):
        self._jitted = jax.jit(function, donate_argnums=donated)
        self._what, self._say, self._options = what, say, options
        self._programs: dict[tuple[Any, ...], Any] = {}
        self.seconds = 0.0

    def __call__(self, *arguments: Any) -> Any:
        """The function's result."""
        shapes = tuple((leaf.shape, leaf.dtype) for leaf in jax.tree.leaves(arguments))
        if shapes not in self._programs:
            self._programs[shapes] = self._compile(arguments)
        return self._programs[shapes](*arguments)

    def _compile(self, arguments: tuple[Any, ...]) -> Any:
        self._say(f"compiling {self._what}, once for this size of batch")
        began = time.monotonic()
        program = self._jitted.lower(*arguments).compile(self._options)
        self.seconds += time.monotonic() - began
        return program
