"""What files hold, as sizes and hashes: the same picture is known again under any name."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain
from typing import TypeVar

import numpy as np
import numpy.typing as npt

DIGEST_BYTES = 16
MISSING = -1
# Files that a thread takes at a time, so that the pool's own work counts for little.
_CHUNK = 256

Value = TypeVar("Value")
Sizes = npt.NDArray[np.int64]
Digests = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Contents:
    """N files: `sizes` [N] in bytes, MISSING where a file can't be read; `digests` [N, DIGEST_BYTES] of all bytes."""

    sizes: Sizes
    digests: Digests

    def identities(self) -> list[bytes | None]:
        """Return for each file what is equal for equal contents; None for one that couldn't be read."""
        return [
            None if size == MISSING else digest.tobytes() for size, digest in zip(self.sizes, self.digests, strict=True)
        ]


def digest_of(path: str) -> bytes:
    """Hash a whole file. Raises OSError.

    This is the start of its SHA-256, which processors compute faster than other hashes.
    """
    return _content(path)[1]


def sizes_of(paths: Sequence[str]) -> Sizes:
    """[N] the size of each file in bytes, MISSING where there is none."""
    return np.fromiter(_by_threads(_size, paths), dtype=np.int64, count=len(paths))


def contents_of(paths: Sequence[str]) -> Contents:
    """Read N files to the end, by a pool of threads."""
    read = list(_by_threads(_content_or_nothing, paths))
    digests = np.frombuffer(b"".join(digest for _, digest in read), dtype=np.uint8)
    sizes = np.array([size for size, _ in read], dtype=np.int64)
    return Contents(sizes, digests.reshape(len(paths), DIGEST_BYTES))


def _by_threads(function: Callable[[str], Value], paths: Sequence[str]) -> chain[Value]:
    chunks = [paths[start : start + _CHUNK] for start in range(0, len(paths), _CHUNK)]
    workers = min(8, 2 * (os.cpu_count() or 1))
    with ThreadPoolExecutor(workers, thread_name_prefix="contents") as pool:
        return chain.from_iterable(pool.map(lambda chunk: list(map(function, chunk)), chunks))


def _size(path: str) -> int:
    try:
        return os.stat(path).st_size  # noqa: PTH116 - a Path for each of a million files takes seconds
    except (OSError, ValueError):
        return MISSING


def _content_or_nothing(path: str) -> tuple[int, bytes]:
    try:
        return _content(path)
    except (OSError, ValueError):
        return MISSING, bytes(DIGEST_BYTES)


def _content(path: str) -> tuple[int, bytes]:
    with open(path, "rb", buffering=0) as stream:  # noqa: PTH123 - as above
        # In pieces, because a scan may have gigabytes.
        digest = hashlib.file_digest(stream, "sha256").digest()[:DIGEST_BYTES]
        return stream.tell(), digest
