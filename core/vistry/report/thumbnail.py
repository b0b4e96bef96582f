"""Small pictures that are part of the page."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from vistry.data.images.decode import load_image
from vistry.errors import VistryError

# Pixels, and JPEG quality: two dozen pictures of this kind take about 300 kB of the page.
SIDE = 240
QUALITY = 80


@dataclass(frozen=True)
class Thumbnail:
    """A JPEG as a data: URI, and its size in pixels."""

    uri: str
    width: int
    height: int


def thumbnail(path: str) -> Thumbnail | None:
    """Return the image with at most SIDE pixels on its longer side, or None if its file can't be read."""
    try:
        if not Path(path).is_file():
            return None
        image = load_image(path, at_least=SIDE)
    except (VistryError, OSError, ValueError):
        return None
    image.thumbnail((SIDE, SIDE))
    return jpeg(image)


def jpeg(image: Image.Image) -> Thumbnail:
    """Encode an RGB image in its own size."""
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=QUALITY)
    data = base64.b64encode(buffer.getvalue()).decode("ascii")
    return Thumbnail(f"data:image/jpeg;base64,{data}", image.width, image.height)
