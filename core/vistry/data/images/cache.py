"""Decoded images kept in memory, because several samples are cut from one and each epoch reads all again."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from pathlib import Path
from threading import Lock
from typing import Any

from vistry.data.images.decode import Pixels, load_pixels


def _pixels_of_file(path: str) -> Pixels:
    return load_pixels(path)


class DecodedImages:
    """Images by path, up to `budget_bytes` of pixels: what was asked for longest ago goes first.

    `load` makes other arrays of other keys: what is kept may be resized, or several images in one array. Threads may
    share it: they decode different images at once, and each image once.
    """

    def __init__(self, budget_bytes: int, load: Callable[[Any], Pixels] = _pixels_of_file):
        self._budget = budget_bytes
        self._load = load
        self._lock = Lock()
        self._kept: OrderedDict[Hashable, Pixels] = OrderedDict()
        self._decoding: dict[Hashable, Future[Pixels]] = {}
        self._bytes = 0

    def get(self, key: Hashable) -> Pixels:
        """[H, W, 3] uint8 of an upright image, read-only as others are given the same. Raises DataError."""
        name = str(key) if isinstance(key, Path) else key
        with self._lock:
            if name in self._kept:
                self._kept.move_to_end(name)
                return self._kept[name]
            theirs = self._decoding.get(name)
            if theirs is None:
                ours = self._decoding[name] = Future[Pixels]()
        return self._decode(name, ours) if theirs is None else theirs.result()

    def _decode(self, name: Hashable, result: Future[Pixels]) -> Pixels:
        try:
            pixels = self._load(name)
            pixels.flags.writeable = False
        except BaseException as error:
            with self._lock:
                del self._decoding[name]
            result.set_exception(error)
            raise
        with self._lock:
            del self._decoding[name]
            self._keep(name, pixels)
        result.set_result(pixels)
        return pixels

    def _keep(self, name: Hashable, pixels: Pixels) -> None:
        if pixels.nbytes > self._budget:
            return
        self._kept[name] = pixels
        self._bytes += pixels.nbytes
        while self._bytes > self._budget:
            self._bytes -= self._kept.popitem(last=False)[1].nbytes
