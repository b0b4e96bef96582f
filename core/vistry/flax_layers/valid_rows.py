"""Which rows of a batch are real: batches are padded to one size, so that nothing is compiled twice."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from jax import Array

_MASK: ContextVar[Array | None] = ContextVar("real rows of the batch", default=None)


@contextmanager
def valid_rows(mask: Array) -> Iterator[None]:
    """Within it, batch norm and the losses count only the rows where `mask` [N] is 1; elsewhere it is 0."""
    token = _MASK.set(mask)
    try:
        yield
    finally:
        _MASK.reset(token)


def current_valid_rows() -> Array | None:
    """[N] float32, 1 for each row that counts; None where all do."""
    return _MASK.get()
