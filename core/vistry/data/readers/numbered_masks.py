"""A picture whose palette indices number the objects of an image."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import numpy.typing as npt

from vistry.data.findings import Finding, FindingError
from vistry.data.images.formats import HEAD_BYTES, decoding_finding, open_image

# The palette index of the borders between objects, which belong to none.
VOID = 255


def read_numbers(path: Path) -> npt.NDArray[np.uint8]:
    """[H, W] the number of the object that each pixel belongs to, by its place in the palette. Raises FindingError."""
    data = path.read_bytes()
    image = open_image(io.BytesIO(data), data[:HEAD_BYTES], str(path))
    if image.mode not in ("P", "L"):
        message = f"expected a palette image whose indices number the objects, got the mode {image.mode}"
        raise FindingError(Finding.of("mask-invalid", message, path))
    try:
        return np.asarray(image)
    except Exception as error:
        raise FindingError(decoding_finding(error, str(path), image.format or "image")) from error
