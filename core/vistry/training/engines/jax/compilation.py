"""Compiled functions. Compiling takes long enough that the user is told."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import jax


class Compiled:
    """A function compiled once for each combination of its arguments' shapes; it logs each compilation beforehand."""

    def __init__(
        self,
        function: Callable[..., Any],
        label: str,
        log: Callable[[str], None],
        *,
        donated: tuple[int, ...] = (),
        options: dict[str, Any] | None = None,
    ):
        """Prepare to compile `function`, which the log calls `label`.

        `donated`: positions of the arguments whose memory the results may take over; they can't be used afterwards.
        `options`: the compiler's.
        """
        self._jitted = jax.jit(function, donate_argnums=donated)
        self._label, self._log, self._options = label, log, options
        self._programs: dict[tuple[Any, ...], Any] = {}
        self.seconds = 0.0

    def __call__(self, *arguments: Any) -> Any:
        """Return the function's result."""
        shapes = tuple((leaf.shape, leaf.dtype) for leaf in jax.tree.leaves(arguments))
        if shapes not in self._programs:
            self._programs[shapes] = self._compile(arguments)
        return self._programs[shapes](*arguments)

    def _compile(self, arguments: tuple[Any, ...]) -> Any:
        self._log(f"compiling {self._label}, once for this size of batch")
        began = time.monotonic()
        program = self._jitted.lower(*arguments).compile(self._options)
        self.seconds += time.monotonic() - began
        return program
