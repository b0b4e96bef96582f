"""Pixels from a file: upright, RGB, 8 bits a channel, or an error that names the file."""

from __future__ import annotations

import io
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from vistry.data.findings import Finding, FindingError
from vistry.data.images.colour import to_rgb
from vistry.data.images.formats import HEAD_BYTES, PIXEL_LIMIT, decoding_finding, open_image

Pixels = npt.NDArray[np.uint8]


def load_image(path: Path | str, at_least: int | None = None) -> Image.Image:
    """The upright RGB image of a file.

    With `at_least` a JPEG may come 2, 4 or 8 times smaller while its shorter side keeps that many pixels. Raises
    DataError naming the file where it can't be read, is truncated, not supported or too large.
    """
    return decode_image(_read(path), str(path), at_least)


def load_pixels(path: Path | str, at_least: int | None = None) -> Pixels:
    """[H, W, 3] uint8: the pixels of `load_image`, without the detour over a Pillow image where there is none."""
    return decode_pixels(_read(path), str(path), at_least)


def decode_image(data: bytes, name: str = "image", at_least: int | None = None) -> Image.Image:
    """The upright RGB image in these bytes; `name` is what an error calls it."""
    decoded = _decode(data, name, at_least)
    return decoded if isinstance(decoded, Image.Image) else Image.fromarray(decoded)


def decode_pixels(data: bytes, name: str = "image", at_least: int | None = None) -> Pixels:
    """[H, W, 3] uint8: the pixels of `decode_image`."""
    decoded = _decode(data, name, at_least)
    return np.asarray(decoded) if isinstance(decoded, Image.Image) else decoded


def _read(path: Path | str) -> bytes:
    try:
        return Path(path).read_bytes()
    except FileNotFoundError as error:
        raise FindingError(Finding.of("image-missing", "the image file does not exist", path)) from error
    except OSError as error:
        message = f"the image file can't be read ({error.strerror or error})"
        raise FindingError(Finding.of("image-unreadable", message, path)) from error


def _decode(data: bytes, name: str, at_least: int | None) -> Image.Image | Pixels:
    fast = _decode_plain_jpeg(data, at_least)
    return _decode_any(data, name, at_least) if fast is None else fast


def _decode_any(data: bytes, name: str, at_least: int | None) -> Image.Image:
    image = open_image(io.BytesIO(data), data[:HEAD_BYTES], name)
    kind = image.format or "image"
    try:
        _draft(image, at_least)
        image.load()
        return _upright(to_rgb(image), image)
    except Exception as error:
        raise FindingError(decoding_finding(error, name, kind)) from error


def _draft(image: Image.Image, at_least: int | None) -> None:
    factor = shrink_factor(*image.size, at_least)
    if image.format == "JPEG" and factor > 1:
        image.draft("RGB", (image.width // factor, image.height // factor))


def shrink_factor(width: int, height: int, at_least: int | None) -> int:
    """The largest of 8, 4, 2 and 1 by which a JPEG may shrink with its shorter side still `at_least`."""
    if at_least is None:
        return 1
    return next((factor for factor in (8, 4, 2) if min(width, height) // factor >= at_least), 1)


def _upright(pixels: Image.Image, opened: Image.Image) -> Image.Image:
    method = _TRANSPOSE.get(orientation_of(opened))
    return pixels if method is None else pixels.transpose(method)


_TRANSPOSE = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


# Tag 274 of the Exif standard: how the camera was held.
EXIF_ORIENTATION = 0x0112


def orientation_of(image: Image.Image) -> int:
    """The EXIF orientation, 1 (upright) to 8; 1 where there is none or it is broken."""
    try:
        value = image.getexif().get(EXIF_ORIENTATION, 1)
    except Exception:
        return 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


@cache
def _simplejpeg() -> Any:
    try:
        import simplejpeg
    except ImportError:
        return None
    return simplejpeg


def _decode_plain_jpeg(data: bytes, at_least: int | None) -> Pixels | None:
    """The pixels of a JPEG in RGB or grey that is whole and has no EXIF, equal to Pillow's bit for bit."""
    fast = _simplejpeg()
    if fast is None or not data.startswith(b"\xff\xd8\xff") or _has_metadata(data):
        return None
    try:
        height, width, colours, _ = fast.decode_jpeg_header(data)
        if colours not in ("YCbCr", "Gray", "RGB") or width * height > PIXEL_LIMIT:
            return None
        factor = shrink_factor(width, height, at_least)
        smallest = (-(-height // factor), -(-width // factor)) if factor > 1 else (0, 0)
        pixels: Pixels = fast.decode_jpeg(data, "RGB", min_height=smallest[0], min_width=smallest[1])
    except ValueError:
        return None
    return pixels


def _has_metadata(data: bytes) -> bool:
    """Whether a marker segment before the scan may hold an orientation (APP1), or the markers are odd."""
    at = 2
    while data[at : at + 1] == b"\xff":
        marker = int.from_bytes(data[at + 1 : at + 2], "big")
        if marker == 0xDA:
            return False
        if marker == 0xE1 or not 0xC0 <= marker <= 0xFE or 0xD0 <= marker <= 0xD9:
            return True
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return True
