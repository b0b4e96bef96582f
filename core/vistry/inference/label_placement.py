"""Labels beside boxes in a picture: text on a ground of the box's colour, where it covers no other label."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from PIL import Image, ImageDraw, ImageFont

Colour = tuple[int, int, int]
Rectangle = tuple[float, float, float, float]
Font = ImageFont.FreeTypeFont
BLACK, WHITE = (0, 0, 0), (255, 255, 255)
SMALLEST_FONT = 10.0
LETTERS_PER_SIDE = 58
UNICODE_FONTS = ("DejaVuSans.ttf", "NotoSans-Regular.ttf", "NotoSansCJK-Regular.ttc", "Arial Unicode.ttf", "msyh.ttc")
NO_CHARACTER = "\U0010ffff"


@dataclass(frozen=True)
class Label:
    """A text for a box x1, y1, x2, y2 in pixels of the picture."""

    text: str
    box: Rectangle
    colour: Colour


def write_labels(picture: Image.Image, labels: Sequence[Label]) -> None:
    """Write the labels into a picture; the first has the first choice of its place and lies on top."""
    draw = ImageDraw.Draw(picture)
    texts = [" ".join(label.text.splitlines()) for label in labels]
    font = font_for("".join(texts), max(SMALLEST_FONT, max(picture.size) / LETTERS_PER_SIDE))
    margin = font.size / 4
    height = sum(font.getmetrics()) + margin
    places: list[Rectangle] = []
    for label, text in zip(labels, texts, strict=True):
        places.append(_place(label.box, draw.textlength(text, font) + 2 * margin, height, picture.size, places))
    for label, text, place in reversed(list(zip(labels, texts, places, strict=True))):
        draw.rectangle(place, fill=label.colour)
        draw.text((place[0] + margin, place[1] + margin / 2), text, fill=ink_on(label.colour), font=font)


def ink_on(colour: Colour) -> Colour:
    """Black or white, whichever contrasts more (relative luminance and contrast ratio of WCAG 2.1)."""
    red, green, blue = (_linear(channel / 255) for channel in colour)
    luminance = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    return BLACK if (luminance + 0.05) / 0.05 > 1.05 / (luminance + 0.05) else WHITE


def font_for(text: str, size: float) -> Font:
    """Pillow's own font; for letters it lacks, one of the system's that has them all, if there is one."""
    return _font("".join(sorted(set(text))), size)


@cache
def _font(letters: str, size: float) -> Font:
    own = ImageFont.load_default(size)
    assert isinstance(own, Font)
    if _has(own, letters):
        return own
    for name in UNICODE_FONTS:
        try:
            font = ImageFont.truetype(name, size)
        except OSError:
            continue
        if _has(font, letters):
            return font
    return own


def _has(font: Font, letters: str) -> bool:
    missing = bytes(font.getmask(NO_CHARACTER))
    return all(letter.isspace() or bytes(font.getmask(letter)) != missing for letter in letters)


def _place(
    box: Rectangle, width: float, height: float, picture: tuple[int, int], taken: Sequence[Rectangle]
) -> Rectangle:
    """Above the box, below it, or in its corners: the first place that overlaps no taken one, else the first."""
    x1, y1, x2, y2 = box
    above, right = y1 - height, x2 - width
    corners = [(x1, above), (x1, y2), (x1, y1), (right, above), (right, y2), (x1, y2 - height)]
    moved = [(_within(x, width, picture[0]), _within(y, height, picture[1])) for x, y in corners]
    places = [(x, y, x + width, y + height) for x, y in moved]
    return next((place for place in places if not any(_overlap(place, other) for other in taken)), places[0])


def _within(start: float, length: float, whole: int) -> float:
    return max(0.0, min(start, whole - length))


def _overlap(one: Rectangle, other: Rectangle) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def _linear(channel: float) -> float:
    return channel / 12.92 if channel <= 0.04045 else float(((channel + 0.055) / 1.055) ** 2.4)
