"""A peer in a process of its own: what Vistry sets for its own process, such as how memory is kept, doesn't help it."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Any


class Elsewhere:
    """Makes an object in a new process and calls its methods there, one at a time."""

    def __init__(self, make: Callable[..., Any], *arguments: Any):
        context = multiprocessing.get_context("spawn")
        self._here, there = context.Pipe()
        self._process = context.Process(target=_serve, args=(there, make, arguments))

    def __enter__(self) -> Elsewhere:
        self._process.start()
        return self

    def call(self, method: str, *arguments: Any) -> Any:
        """What the method returns there."""
        self._here.send((method, arguments))
        return self._here.recv()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._here.send(None)
        self._process.join()


def _serve(asked: Connection, make: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    peer = make(*arguments)
    while (call := asked.recv()) is not None:
        method, arguments = call
        asked.send(getattr(peer, method)(*arguments))
