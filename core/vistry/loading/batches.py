"""Batches of an epoch: which images, in which order, read by threads a few ahead of the one in use."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from types import TracebackType
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from vistry.loading.augmentation import Pixels, Prepare

# Batches read ahead of the one in use: one to hide the reading, one more for images that take longer.
AHEAD = 2
# Threads share one interpreter, which more of them would only wait for.
MAX_WORKERS = 8

# Distinguish the generators of an epoch's order and of its images, which have the same seed and epoch.
_ORDER, _IMAGE = 0, 1

Rows = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Batch:
    """The images and targets of one training step.

    `images`: [N, H, W, 3] uint8. `targets`: an array with first axis N, or N dictionaries of arrays. `rows`: [N] which
    samples they are. `sizes`: height and width of each image in the upper left of its place, where they differ.
    """

    images: Pixels
    targets: Any
    rows: Rows
    sizes: Sequence[tuple[int, int]] | None = None


class ImageBatch(NamedTuple):
    """The input of a model whose images differ in size.

    `pixels`: [N, 3, H, W] (torch) or [N, H, W, 3] (jax) normalised, 0 beyond each image. `sizes`: N heights and widths,
    in jax as an array.
    """

    pixels: Any
    sizes: Any


class TrainingDataset(Protocol):
    """The training images: samples by number, each read from its file anew in each epoch."""

    def __len__(self) -> int: ...

    def name(self, row: int) -> str:
        """The image of a sample, for a message."""

    def batches(self, seed: int, epoch: int) -> list[Rows]:
        """The samples of each batch of an epoch, as many batches in each epoch."""

    def read(self, row: int, random: np.random.Generator) -> Any:
        """One sample; all that is random in it comes from `random`. Raises DataError."""

    def batch(self, rows: Rows, read: Sequence[Any]) -> Batch:
        """What `read` gave for these rows as a batch."""


def default_workers() -> int:
    """As many threads as this process may use processors, at most 8."""
    available = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(MAX_WORKERS, available)


def even_batches(rows: Rows, batch_size: int) -> list[Rows]:
    """Rows cut into the fewest batches of at most `batch_size`, whose sizes differ by one at the most.

    A last batch of a few images upsets batch norm, so there is none.
    """
    if not len(rows):
        return []
    return np.array_split(rows, -(-len(rows) // batch_size))


def epoch_order(rows: Rows, seed: int, epoch: int) -> Rows:
    """The rows shuffled for one epoch."""
    return np.random.default_rng([seed, _ORDER, epoch]).permutation(rows)


def stack_padded(images: Sequence[Pixels], size_divisor: int = 1) -> Pixels:
    """[N, H, W, 3]: stack images, each in the upper left, on black; H and W are multiples of `size_divisor`."""
    height, width = (-(-max(image.shape[axis] for image in images) // size_divisor) * size_divisor for axis in (0, 1))
    if all(image.shape[:2] == (height, width) for image in images):
        return np.stack(images)
    buffer = np.zeros((len(images), height, width, 3), dtype=np.uint8)
    for place, image in zip(buffer, images, strict=True):
        place[: image.shape[0], : image.shape[1]] = image
    return buffer


@dataclass(frozen=True)
class ImageDataset:
    """Samples of one size: `images` paths, `targets` first axis N, `prepare` makes the pixels of a path."""

    images: Sequence[str]
    targets: npt.NDArray[Any]
    prepare: Prepare
    batch_size: int

    def __len__(self) -> int:
        return len(self.images)

    def name(self, row: int) -> str:
        return self.images[row]

    def batches(self, seed: int, epoch: int) -> list[Rows]:
        return even_batches(epoch_order(np.arange(len(self)), seed, epoch), self.batch_size)

    def read(self, row: int, random: np.random.Generator) -> Pixels:
        return self.prepare(self.images[row], random)

    def batch(self, rows: Rows, read: Sequence[Pixels]) -> Batch:
        return Batch(np.stack(read), self.targets[rows], rows)


class BatchReader:
    """Reads batches with threads, a few ahead of the one in use; the result doesn't depend on their number."""

    def __init__(self, samples: TrainingDataset, workers: int | None = None):
        self._samples = samples
        self._pool = ThreadPoolExecutor(workers or default_workers(), thread_name_prefix="vistry-images")

    def __enter__(self) -> BatchReader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)

    def read(self, batches: Sequence[Rows], seed: int, epoch: int) -> Iterator[Batch]:
        """The batches of rows in order, as they are in this epoch."""
        pending: deque[tuple[Rows, list[Future[Any]]]] = deque()
        waiting = iter(batches)
        try:
            for _ in range(AHEAD):
                self._start(waiting, pending, seed, epoch=epoch)
            while pending:
                rows, futures = pending.popleft()
                read = [future.result() for future in futures]
                self._start(waiting, pending, seed, epoch=epoch)
                yield self._samples.batch(rows, read)
        finally:
            for _, futures in pending:
                for future in futures:
                    future.cancel()

    def _start(
        self, waiting: Iterator[Rows], pending: deque[tuple[Rows, list[Future[Any]]]], seed: int, epoch: int
    ) -> None:
        rows = next(waiting, None)
        if rows is None:
            return

        def read(row: int) -> Any:
            return self._samples.read(row, np.random.default_rng([seed, _IMAGE, epoch, row]))

        pending.append((rows, [self._pool.submit(read, int(row)) for row in rows]))
