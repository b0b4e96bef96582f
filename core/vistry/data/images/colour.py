"""Convert every colour mode to RGB with 8 bits a channel."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PIL import Image

# Transparent pixels show what a viewer shows behind them: paper.
BACKGROUND = (255, 255, 255)
# Pillow's convert() clips these at 255, where they have to be scaled.
SIXTEEN_BIT = ("I;16", "I;16B", "I;16L", "I;16N")
# Scaled from their minimum to their maximum; signed 16 bits come as "I".
STRETCHED = ("I", "F")
WITH_ALPHA = ("RGBA", "LA", "PA", "RGBa", "La")


def to_rgb(image: Image.Image) -> Image.Image:
    """An RGB image: transparency over white, 16 bits scaled, floats from their minimum to their maximum."""
    if image.mode == "RGB" and "transparency" not in image.info:
        return image
    if image.mode in SIXTEEN_BIT:
        return _grey(scale_16_bit(np.asarray(image)))
    if image.mode in STRETCHED:
        return _grey(scale_min_max(np.asarray(image)))
    if has_alpha(image):
        return _over_white(image.convert("RGBA"))
    return image.convert("RGB")


def has_alpha(image: Image.Image) -> bool:
    """Whether the image has an alpha channel or a transparent colour."""
    return image.mode in WITH_ALPHA or "transparency" in image.info


def scale_16_bit(values: npt.NDArray[np.uint16]) -> npt.NDArray[np.uint8]:
    """Scale 0..65535 to 0..255, rounded."""
    return ((values.astype(np.uint32) * 255 + 32_767) // 65_535).astype(np.uint8)


def scale_min_max(values: npt.NDArray[np.generic]) -> npt.NDArray[np.uint8]:
    """Scale the finite minimum to 0 and the maximum to 255; a constant image and values that aren't finite become 0."""
    numbers = values.astype(np.float64)
    finite = np.isfinite(numbers)
    if not finite.any():
        return np.zeros(numbers.shape, dtype=np.uint8)
    low, high = numbers[finite].min(), numbers[finite].max()
    if low == high:
        return np.zeros(numbers.shape, dtype=np.uint8)
    scaled = np.where(finite, numbers / (high - low) - low / (high - low), 0.0)
    grey: npt.NDArray[np.uint8] = np.rint(scaled * 255).clip(0, 255).astype(np.uint8)
    return grey


def _grey(values: npt.NDArray[np.uint8]) -> Image.Image:
    return Image.fromarray(values).convert("RGB")


def _over_white(image: Image.Image) -> Image.Image:
    if image.getchannel("A").getextrema() == (255, 255):
        return image.convert("RGB")
    return Image.alpha_composite(Image.new("RGBA", image.size, (*BACKGROUND, 255)), image).convert("RGB")
