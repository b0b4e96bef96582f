"""Image file formats by their first bytes, and opening one without decoding it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from importlib import import_module
from typing import IO

from PIL import Image

from vistry.data.findings import Finding, FindingError

# Enough for every signature below.
HEAD_BYTES = 64
# Twice Pillow's MAX_IMAGE_PIXELS, from which on Pillow itself takes a file for a decompression bomb.
PIXEL_LIMIT = 178_956_970


@dataclass(frozen=True)
class ImageFormat:
    """A format: what its files begin with (offset, bytes), are called, and which Pillow class reads them."""

    name: str
    signatures: tuple[tuple[int, bytes], ...]
    suffixes: tuple[str, ...]
    reader: str = ""

    def matches(self, head: bytes) -> bool:
        """Whether a file that begins with these bytes is of this format."""
        return any(head.startswith(signature, offset) for offset, signature in self.signatures)

    def open(self, stream: IO[bytes], name: str) -> Image.Image:
        """Read the header only; Pillow's own errors pass through."""
        module, _, attribute = self.reader.partition(":")
        image: Image.Image = getattr(import_module(module), attribute)(stream, name)
        return image


FORMATS = (
    ImageFormat(
        "JPEG",
        ((0, b"\xff\xd8\xff"),),
        (".jpg", ".jpeg", ".jpe", ".jfif"),
        "PIL.JpegImagePlugin:JpegImageFile",
    ),
    ImageFormat("PNG", ((0, b"\x89PNG\r\n\x1a\n"),), (".png",), "PIL.PngImagePlugin:PngImageFile"),
    ImageFormat("GIF", ((0, b"GIF87a"), (0, b"GIF89a")), (".gif",), "PIL.GifImagePlugin:GifImageFile"),
    ImageFormat("BMP", ((0, b"BM"),), (".bmp", ".dib"), "PIL.BmpImagePlugin:BmpImageFile"),
    ImageFormat(
        "TIFF",
        ((0, b"II*\0"), (0, b"MM\0*"), (0, b"II+\0"), (0, b"MM\0+")),
        (".tif", ".tiff"),
        "PIL.TiffImagePlugin:TiffImageFile",
    ),
    ImageFormat("WebP", ((8, b"WEBP"),), (".webp",), "PIL.WebPImagePlugin:WebPImageFile"),
    ImageFormat(
        "JPEG 2000",
        ((0, b"\0\0\0\x0cjP  \r\n\x87\n"), (0, b"\xff\x4f\xff\x51")),
        (".jp2", ".j2k", ".jpx", ".jpf", ".j2c"),
        "PIL.Jpeg2KImagePlugin:Jpeg2KImageFile",
    ),
    ImageFormat("ICO", ((0, b"\0\0\1\0"),), (".ico",), "PIL.IcoImagePlugin:IcoImageFile"),
    ImageFormat(
        "PPM",
        tuple((0, b"P%d%c" % (digit, space)) for digit in range(1, 7) for space in b" \t\r\n"),
        (".ppm", ".pgm", ".pbm", ".pnm"),
        "PIL.PpmImagePlugin:PpmImageFile",
    ),
    ImageFormat("AVIF", ((4, b"ftypavif"),), (".avif",), "PIL.AvifImagePlugin:AvifImageFile"),
    ImageFormat(
        "HEIC",
        ((4, b"ftyphei"), (4, b"ftyphev"), (4, b"ftypmif1"), (4, b"ftypmsf1")),
        (".heic", ".heif"),
    ),
    ImageFormat("JPEG XL", ((0, b"\xff\x0a"), (4, b"JXL ")), (".jxl",)),
    ImageFormat("Photoshop", ((0, b"8BPS"),), (".psd",)),
    ImageFormat("PDF", ((0, b"%PDF"),), (".pdf",)),
    ImageFormat("SVG", ((0, b"<svg"),), (".svg",)),
    ImageFormat("DICOM", ((128, b"DICM"),), (".dcm",)),
    ImageFormat("raw camera", (), (".cr2", ".cr3", ".nef", ".arw", ".dng", ".raf", ".orf", ".rw2")),
)
_BY_SUFFIX = {suffix: image_format for image_format in FORMATS for suffix in image_format.suffixes}
IMAGE_SUFFIXES = frozenset(_BY_SUFFIX)


def format_of_bytes(head: bytes) -> ImageFormat | None:
    """The format whose signature a file's first bytes carry."""
    return next((image_format for image_format in FORMATS if image_format.matches(head)), None)


def format_of_suffix(suffix: str) -> ImageFormat | None:
    """The format that a file extension such as '.JPG' promises."""
    return _BY_SUFFIX.get(suffix.lower())


def is_image_file(path: str) -> bool:
    """Whether a file is an image by its extension, or without one by its first bytes.

    One that can't be opened counts, so that whoever reads it names it.
    """
    suffix = os.path.splitext(path)[1].lower()  # noqa: PTH122
    if suffix or not os.path.isfile(path):  # noqa: PTH113
        return suffix in IMAGE_SUFFIXES
    try:
        with open(path, "rb") as stream:  # noqa: PTH123
            return format_of_bytes(stream.read(HEAD_BYTES)) is not None
    except OSError:
        return True


def open_image(stream: IO[bytes], head: bytes, name: str) -> Image.Image:
    """Open an image by what its first bytes say and check its size; FindingError names the file."""
    if not head:
        raise FindingError(Finding.of("image-empty", "the image file has zero bytes", name))
    image_format = format_of_bytes(head)
    if image_format is None:
        raise FindingError(_not_an_image(head, name))
    if not image_format.reader:
        message = f"this is a {image_format.name} file, which Vistry doesn't read"
        raise FindingError(Finding.of("image-unsupported", message, name))
    try:
        image = image_format.open(stream, name)
    except Exception as error:
        raise FindingError(decoding_finding(error, name, image_format.name)) from error
    width, height = image.size
    if width * height > PIXEL_LIMIT:
        message = f"{width} x {height} pixels are over the limit of {PIXEL_LIMIT:,} pixels"
        raise FindingError(Finding.of("image-bomb", message, name))
    return image


def decoding_finding(error: Exception, name: str, format: str) -> Finding:
    """The finding for an exception of Pillow: a bomb, a truncated file or a broken one, by the exception's words."""
    text = str(error).lower()
    detail = f"{type(error).__name__}: {error}"
    if isinstance(error, Image.DecompressionBombError) or "too large" in text:
        return Finding.of("image-bomb", f"the {format} data unpacks to too much ({detail})", name)
    if "truncated" in text or "reached end" in text or isinstance(error, EOFError):
        return Finding.of("image-truncated", f"the {format} data ends too early ({detail})", name)
    return Finding.of("image-unreadable", f"the {format} data is broken ({detail})", name)


def _not_an_image(head: bytes, name: str) -> Finding:
    start = head[:24].lstrip().lower()
    if start.startswith((b"<!doctype", b"<html", b"<?xml", b"{")):
        kind = "text (perhaps a saved error page)"
    else:
        kind = f"a file that begins with {head[:8]!r}"
    return Finding.of("image-unreadable", f"this is not an image but {kind}", name)
