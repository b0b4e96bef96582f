"""Random changes of an image's brightness, contrast, saturation and hue."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageEnhance
from vistry.plugin import Pixels

# The ranges are those of torchvision's RandomPhotometricDistort, which the recipes name.
BRIGHTNESS, CONTRAST, SATURATION, HUE = (0.875, 1.125), (0.5, 1.5), (0.5, 1.5), 0.05
CHANCE = 0.5


def distort(pixels: Pixels, random: np.random.Generator) -> Pixels:
    """Change each property with a chance of CHANCE, the contrast either before or after the colours."""
    brightness, contrast, saturation = (random.uniform(*span) for span in (BRIGHTNESS, CONTRAST, SATURATION))
    hue, contrast_first = random.uniform(-HUE, HUE), random.random() < 0.5
    changes = random.random(4) < CHANCE
    image = Image.fromarray(pixels)
    if changes[0]:
        image = ImageEnhance.Brightness(image).enhance(brightness)
    if changes[1] and contrast_first:
        image = ImageEnhance.Contrast(image).enhance(contrast)
    if changes[2]:
        image = ImageEnhance.Color(image).enhance(saturation)
    if changes[3]:
        image = _turned_hue(image, hue)
    if changes[1] and not contrast_first:
        image = ImageEnhance.Contrast(image).enhance(contrast)
    return np.asarray(image)


def _turned_hue(image: Image.Image, turn: float) -> Image.Image:
    """Turn the hue by a part of the circle."""
    hsv = np.array(image.convert("HSV"))
    hsv[..., 0] = (hsv[..., 0].astype(np.int16) + round(turn * 255)) % 256
    return Image.fromarray(hsv, "HSV").convert("RGB")
