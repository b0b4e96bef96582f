"""Label Studio's run lengths of a brush: a stream of bits that holds the four channels of a picture.

The stream begins with the number of values (32 bits), the bits of a value less one (5), and four sizes of lengths, each
less one (4 bits each). Then come pieces: a bit that says whether one value is repeated or each is written, two bits
that choose a size, the length less one in that size, and the value or values. The last channel says what is inside.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from vistry.data.findings import Finding, FindingError

CHANNELS = 4
_SIZES = (3, 4, 8, 16)
_WORD = 8


class _Bits:
    """The bits of bytes, taken from the front."""

    def __init__(self, values: Sequence[int]):
        self._bits = np.unpackbits(np.asarray(values, dtype=np.uint8))
        self._at = 0

    def take(self, count: int) -> int:
        part = self._bits[self._at : self._at + count]
        if len(part) < count:
            raise ValueError("it ends too early")
        self._at += count
        return int("".join("01"[bit] for bit in part), 2)


def decode(values: Sequence[int], width: int, height: int) -> npt.NDArray[np.bool_]:
    """[H, W] the mask. Raises FindingError for a stream that doesn't fit the size."""
    try:
        return _decode(values, width, height)
    except (ValueError, OverflowError, TypeError) as error:
        raise FindingError(Finding.of("mask-invalid", f"the brush's run lengths can't be read: {error}")) from None


def _decode(values: Sequence[int], width: int, height: int) -> npt.NDArray[np.bool_]:
    bits = _Bits(values)
    count = bits.take(32)
    if count != width * height * CHANNELS:
        raise ValueError(f"they cover {count} values, but the image has {width} x {height} x {CHANNELS}")
    word = bits.take(5) + 1
    sizes = [bits.take(4) + 1 for _ in range(4)]
    out = np.zeros(count, dtype=np.uint8)
    at = 0
    while at < count:
        repeats = bits.take(1)
        end = at + 1 + bits.take(sizes[bits.take(2)])
        if end > count:
            raise ValueError("a run reaches past the end")
        if repeats:
            out[at:end] = bits.take(word)
        else:
            out[at:end] = [bits.take(word) for _ in range(end - at)]
        at = end
    inside: npt.NDArray[np.bool_] = out.reshape(height, width, CHANNELS)[..., -1] > 0
    return inside


def encode(mask: npt.NDArray[np.bool_]) -> list[int]:
    """The bytes for a mask [H, W]."""
    pixels = np.repeat(np.where(mask, 255, 0).astype(np.uint8).ravel(), CHANNELS)
    text = [f"{len(pixels):032b}", f"{_WORD - 1:05b}", *(f"{size - 1:04b}" for size in _SIZES)]
    starts = np.flatnonzero(np.diff(pixels.astype(np.int16), prepend=-1))
    longest = 1 << _SIZES[-1]
    for start, end in zip(starts, [*starts[1:], len(pixels)], strict=True):
        for first in range(int(start), int(end), longest):
            length = min(longest, int(end) - first) - 1
            choice = next(at for at, size in enumerate(_SIZES) if length < 1 << size)
            text.append(f"1{choice:02b}{length:0{_SIZES[choice]}b}{int(pixels[start]):08b}")
    joined = "".join(text)
    joined += "0" * (-len(joined) % 8)
    return [int(joined[at : at + 8], 2) for at in range(0, len(joined), 8)]
