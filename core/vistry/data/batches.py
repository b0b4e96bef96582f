"""Batches of an epoch: which images, in which order, read by threads straight into one buffer a batch."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from types import TracebackType
from typing import Any

import numpy as np
import numpy.typing as npt

from vistry.data.augmentation import Pixels, Prepare

AHEAD = 2
MOST_WORKERS = 8

_ORDER, _IMAGE = 0, 1


@dataclass(frozen=True)
class Batch:
    """`images`: [N, H, W, 3] uint8. `targets`: first axis N. `rows`: [N] rows of the table."""

    images: Pixels
    targets: npt.NDArray[Any]
    rows: npt.NDArray[np.int64]


def default_workers() -> int:
    """As many threads as this process may use processors, at most 8."""
    available = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(MOST_WORKERS, available)


def even_batches(rows: npt.NDArray[np.int64], batch_size: int) -> list[npt.NDArray[np.int64]]:
    """Rows cut into the fewest batches of at most `batch_size`, whose sizes differ by one at the most.

    A last batch of a few images upsets batch norm, so there is none.
    """
    if not len(rows):
        return []
    return np.array_split(rows, -(-len(rows) // batch_size))


def epoch_order(rows: npt.NDArray[np.int64], seed: int, epoch: int) -> npt.NDArray[np.int64]:
    """The rows shuffled for one epoch."""
    return np.random.default_rng([seed, _ORDER, epoch]).permutation(rows)


class BatchReader:
    """Reads batches with threads, a few ahead of the one in use; the result doesn't depend on their number."""

    def __init__(self, images: Sequence[str], targets: npt.NDArray[Any], workers: int | None = None):
        self._images = images
        self._targets = targets
        self._pool = ThreadPoolExecutor(workers or default_workers(), thread_name_prefix="vistry-images")

    def __enter__(self) -> BatchReader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)

    def read(
        self, batches: Sequence[npt.NDArray[np.int64]], prepare: Prepare, size: int, seed: int, epoch: int
    ) -> Iterator[Batch]:
        """The batches of rows in order, each image [size, size, 3] as `prepare` makes it."""
        pending: deque[tuple[npt.NDArray[np.int64], Pixels, list[Future[None]]]] = deque()
        waiting = iter(batches)
        try:
            for _ in range(AHEAD):
                self._start(waiting, pending, prepare, size, seed, epoch)
            while pending:
                rows, buffer, futures = pending.popleft()
                for future in futures:
                    future.result()
                self._start(waiting, pending, prepare, size, seed, epoch)
                yield Batch(buffer, self._targets[rows], rows)
        finally:
            for _, _, futures in pending:
                for future in futures:
                    future.cancel()

    def _start(
        self,
        waiting: Iterator[npt.NDArray[np.int64]],
        pending: deque[tuple[npt.NDArray[np.int64], Pixels, list[Future[None]]]],
        prepare: Prepare,
        size: int,
        seed: int,
        epoch: int,
    ) -> None:
        rows = next(waiting, None)
        if rows is None:
            return
        buffer = np.empty((len(rows), size, size, 3), dtype=np.uint8)

        def fill(position: int, row: int) -> None:
            random = np.random.default_rng([seed, _IMAGE, epoch, row])
            buffer[position] = prepare(self._images[row], random)

        futures = [self._pool.submit(fill, position, int(row)) for position, row in enumerate(rows)]
        pending.append((rows, buffer, futures))
