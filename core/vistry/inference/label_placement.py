"""Labels of boxes in a picture: text on a ground of the box's colour, placed where it covers no other label."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from PIL import Image, ImageDraw, ImageFont

Colour = tuple[int, int, int]
Rectangle = tuple[float, float, float, float]
Font = ImageFont.FreeTypeFont
BLACK, WHITE = (0, 0, 0), (255, 255, 255)
# Points below which Pillow's font can't be read.
MIN_FONT_SIZE = 10.0
# The size of the letters follows from the picture: so many would fill its longer side.
LETTERS_PER_SIDE = 58
# Fonts with many scripts that Linux, macOS and Windows have. Pillow's own has the Latin letters alone.
UNICODE_FONTS = ("DejaVuSans.ttf", "NotoSans-Regular.ttf", "NotoSansCJK-Regular.ttc", "Arial Unicode.ttf", "msyh.ttc")
NO_CHARACTER = "\U0010ffff"  # never assigned, so that a font draws its sign for a missing glyph


@dataclass(frozen=True)
class Label:
    """A text for a box x1, y1, x2, y2, in pixels of the picture."""

    text: str
    box: Rectangle
    colour: Colour


def write_labels(picture: Image.Image, labels: Sequence[Label]) -> None:
    """Write labels into a picture; the first one is placed first and lies on top."""
    draw = ImageDraw.Draw(picture)
    texts = [" ".join(label.text.splitlines()) for label in labels]
    font = font_for("".join(texts), max(MIN_FONT_SIZE, max(picture.size) / LETTERS_PER_SIDE))
    margin = font.size / 4
    height = sum(font.getmetrics()) + margin
    rectangles: list[Rectangle] = []
    for label, text in zip(labels, texts, strict=True):
        size = (draw.textlength(text, font) + 2 * margin, height)
        rectangles.append(_place(label.box, size, rectangles, picture_size=picture.size))
    for label, text, (left, top, right, bottom) in reversed(list(zip(labels, texts, rectangles, strict=True))):
        draw.rectangle((left, top, right, bottom), fill=label.colour)
        draw.text((left + margin, top + margin / 2), text, fill=text_colour_on(label.colour), font=font)


def text_colour_on(colour: Colour) -> Colour:
    """Return black or white, whichever contrasts more (relative luminance and contrast ratio of WCAG 2.1)."""
    red, green, blue = (_linear_light(channel / 255) for channel in colour)
    luminance = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    return BLACK if (luminance + 0.05) / 0.05 > 1.05 / (luminance + 0.05) else WHITE


def font_for(text: str, size: float) -> Font:
    """Return Pillow's own font, or, for letters it lacks, a font of the system that has them all, if there is one."""
    return _font("".join(sorted(set(text))), size)


@cache
def _font(letters: str, size: float) -> Font:
    own = ImageFont.load_default(size)
    assert isinstance(own, Font)
    if _has_glyphs(own, letters):
        return own
    for name in UNICODE_FONTS:
        try:
            font = ImageFont.truetype(name, size)
        except OSError:
            continue
        if _has_glyphs(font, letters):
            return font
    return own


def _has_glyphs(font: Font, letters: str) -> bool:
    missing = bytes(font.getmask(NO_CHARACTER))
    return all(letter.isspace() or bytes(font.getmask(letter)) != missing for letter in letters)


def _place(
    box: Rectangle, size: tuple[float, float], others: Sequence[Rectangle], *, picture_size: tuple[int, int]
) -> Rectangle:
    """Return the rectangle of a label: above its box, below it or in a corner.

    It is the first one that overlaps no other label, or the one above where each overlaps some.

    Args:
        box: the box of the label.
        size: width and height of the label.
        others: the rectangles of the labels placed before.
        picture_size: width and height of the picture, which the label stays in.
    """
    x1, y1, x2, y2 = box
    width, height = size
    above, right = y1 - height, x2 - width
    corners = [(x1, above), (x1, y2), (x1, y1), (right, above), (right, y2), (x1, y2 - height)]
    moved = [(_within(x, width, picture_size[0]), _within(y, height, picture_size[1])) for x, y in corners]
    places = [(x, y, x + width, y + height) for x, y in moved]
    return next((place for place in places if not any(_overlap(place, other) for other in others)), places[0])


def _within(start: float, length: float, whole: int) -> float:
    """Return the start of a span, moved so that it lies in 0 to `whole`."""
    return max(0.0, min(start, whole - length))


def _overlap(one: Rectangle, other: Rectangle) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def _linear_light(channel: float) -> float:
    """Return linear light of an sRGB channel in 0 to 1 (IEC 61966-2-1)."""
    return channel / 12.92 if channel <= 0.04045 else float(((channel + 0.055) / 1.055) ** 2.4)
