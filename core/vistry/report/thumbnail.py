"""Small pictures inside the page."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from vistry.data.images.decode import load_image
from vistry.errors import VistryError

SIDE = 240
QUALITY = 80


@dataclass(frozen=True)
class Thumbnail:
    """A JPEG as a data: URI, and its size in pixels."""

    uri: str
    width: int
    height: int


def thumbnail(path: str) -> Thumbnail | None:
    """The image at most SIDE pixels on its longer side; None where there is no readable image file."""
    try:
        if not Path(path).is_file():
            return None
        image = load_image(path, at_least=SIDE)
    except (VistryError, OSError, ValueError):
        return None
    image.thumbnail((SIDE, SIDE))
    return encoded(image)


def encoded(image: Image.Image) -> Thumbnail:
    """An RGB image as it is."""
    written = io.BytesIO()
    image.save(written, "JPEG", quality=QUALITY)
    data = base64.b64encode(written.getvalue()).decode("ascii")
    return Thumbnail(f"data:image/jpeg;base64,{data}", image.width, image.height)
