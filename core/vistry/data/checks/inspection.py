"""Inspect image files by their header and tail; decode only those that look cut off."""

from __future__ import annotations

import os
import zlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import IO

import numpy as np
from PIL import Image

from vistry.data.findings import Finding, FindingError
from vistry.data.images.colour import SIXTEEN_BIT, STRETCHED, has_alpha
from vistry.data.images.decode import load_pixels, orientation_of
from vistry.data.images.formats import HEAD_BYTES, format_of_bytes, format_of_suffix, open_image

Progress = Callable[[int, int], None]

SMALL_SIDE = 16
# A sixteenth of the range of 16 bits: below it an image has at most 16 of 256 levels left in 8 bits. A few hot pixels
# don't count.
FAINT = 4_096
FAINT_SHARE = 0.99
# EXIF orientations from 5 on swap width and height.
SIDEWAYS = 5
# Files that a thread inspects at a time, so that the pool's own work counts for little.
_CHUNK = 256
# Enough for the end marker of each format and the padding that cameras and editors add.
_TAIL_BYTES = 64
_MODE_CHECKS = {
    "1": "image-grey",
    "L": "image-grey",
    "LA": "image-grey",
    "P": "image-palette",
    "PA": "image-palette",
    "CMYK": "image-cmyk",
    "I": "image-float",
    "F": "image-float",
    "LAB": "image-colour-space",
    "HSV": "image-colour-space",
    "YCbCr": "image-colour-space",
    **dict.fromkeys(SIXTEEN_BIT, "image-16bit"),
}


@dataclass(frozen=True, slots=True)
class Inspection:
    """A file: what makes it unusable, if anything; remarks as check ids; its size and a checksum of both ends.

    `width` and `height` are the upright image's, in pixels; 0 where the file can't be opened.
    """

    finding: Finding | None
    remarks: tuple[str, ...] = ()
    size: int = 0
    checksum: int = 0
    width: int = 0
    height: int = 0


def inspect_all(paths: Sequence[str], decode: bool = False, progress: Progress | None = None) -> list[Inspection]:
    """An inspection of every file, in order, by a pool of threads."""
    chunks = [paths[start : start + _CHUNK] for start in range(0, len(paths), _CHUNK)]
    workers = min(8, 2 * (os.cpu_count() or 1))
    with ThreadPoolExecutor(workers, thread_name_prefix="inspect") as pool:
        results = pool.map(lambda chunk: [inspect(path, decode) for path in chunk], chunks)
        return list(chain.from_iterable(_reported(results, len(paths), progress)))


def _reported(results: Iterator[list[Inspection]], total: int, progress: Progress | None) -> Iterator[list[Inspection]]:
    done = 0
    for result in results:
        yield result
        done += len(result)
        if progress is not None:
            progress(done, total)


def inspect(path: str, decode: bool = False) -> Inspection:
    """Look at one file; with `decode`, or where its tail looks cut off, decode it too."""
    try:
        return _inspect(path, decode)
    except FindingError as error:
        return Inspection(error.finding)
    except OSError as error:
        message = f"the image file can't be read ({error.strerror or error})"
        return Inspection(Finding.of("image-unreadable", message, path))


def _inspect(path: str, decode: bool) -> Inspection:
    with Path(path).open("rb") as stream:
        size = os.fstat(stream.fileno()).st_size
        head = stream.read(HEAD_BYTES)
        tail = _tail(stream, size)
        image = open_image(stream, head, path)
        width, height = _upright_size(image)
        remarks, is_whole = _examine(image, path, head=head, tail=tail, size=size)
    if decode or not is_whole:
        load_pixels(path, at_least=1)
    return Inspection(None, remarks, size=size, checksum=zlib.crc32(tail, zlib.crc32(head)), width=width, height=height)


def upright_size(path: str) -> tuple[int, int]:
    """Width and height of the upright image by its header; zeros where it can't be opened."""
    try:
        with Path(path).open("rb") as stream:
            return _upright_size(open_image(stream, stream.read(HEAD_BYTES), path))
    except (FindingError, OSError):
        return 0, 0


def _upright_size(image: Image.Image) -> tuple[int, int]:
    width, height = image.size
    return (height, width) if _orientation(image) >= SIDEWAYS else (width, height)


def _examine(image: Image.Image, path: str, head: bytes, tail: bytes, size: int) -> tuple[tuple[str, ...], bool]:
    """The remarks, and whether the file is surely whole; odd metadata, on which Pillow may raise anything, is not."""
    try:
        return tuple(_remarks(image, head, path)), _ends_well(image, head, tail, size=size)
    except Exception:
        return (), False


def _tail(stream: IO[bytes], size: int) -> bytes:
    stream.seek(max(0, size - _TAIL_BYTES))
    tail = stream.read(_TAIL_BYTES)
    stream.seek(0)
    return tail


def _remarks(image: Image.Image, head: bytes, path: str) -> Iterator[str]:
    promised = format_of_suffix(Path(path).suffix)
    if promised is not None and promised is not format_of_bytes(head):
        yield "image-extension"
    if min(image.size) < SMALL_SIDE:
        yield "image-small"
    if _orientation(image) != 1:
        yield "image-rotated"
    if getattr(image, "is_animated", False):
        yield "image-frames"
    yield from _colour_remarks(image, head)


def _colour_remarks(image: Image.Image, head: bytes) -> Iterator[str]:
    check = _MODE_CHECKS.get(image.mode)
    if check is not None:
        yield check
    has_16_bits = image.mode in SIXTEEN_BIT or (image.mode not in STRETCHED and _has_16_bits(image, head))
    if check != "image-16bit" and has_16_bits:
        yield "image-16bit"
    if has_16_bits and _is_faint(image):
        yield "image-faint"
    if has_alpha(image):
        yield "image-alpha"


def _is_faint(image: Image.Image) -> bool:
    """Whether nearly all values of 16 bits are under FAINT; of colours Pillow keeps the upper 8 bits."""
    is_grey = image.mode in SIXTEEN_BIT
    values = np.asarray(image if is_grey else image.convert("RGB"))
    bright = int(np.count_nonzero(values >= (FAINT if is_grey else FAINT >> 8)))
    return bright <= (1 - FAINT_SHARE) * values.size


def _orientation(image: Image.Image) -> int:
    """The orientation, as far as the header of a PNG file tells: its reader would decode the image to look further."""
    if image.format == "PNG" and "exif" not in image.info:
        return 1
    return orientation_of(image)


def _has_16_bits(image: Image.Image, head: bytes) -> bool:
    if image.format == "PNG":
        return head[24:25] == b"\x10"
    if image.format == "TIFF":
        return bool(max(image.tag_v2.get(258, (8,))) == 16)  # type: ignore[attr-defined]
    return False


def _ends_well(image: Image.Image, head: bytes, tail: bytes, size: int) -> bool:
    """Whether the end of the file is what the format promises; False also where that can't be told cheaply."""
    if image.format == "JPEG":
        return tail.rstrip(b"\0\r\n").endswith(b"\xff\xd9")
    if image.format == "PNG":
        return b"IEND" in tail
    if image.format == "GIF":
        return tail.endswith(b";")
    if image.format == "WEBP":
        return int.from_bytes(head[4:8], "little") + 8 <= size
    if image.format == "BMP":
        return 0 < int.from_bytes(head[2:6], "little") <= size
    return False
