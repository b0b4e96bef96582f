"""Names of any length and script, cut to a width."""

from __future__ import annotations

import unicodedata


def width_of(text: str) -> int:
    """Return the width in letters: wide East Asian letters count twice, combining marks not at all."""
    return sum(_width(letter) for letter in text)


def _width(letter: str) -> int:
    if unicodedata.combining(letter):
        return 0
    return 2 if unicodedata.east_asian_width(letter) in "WF" else 1


def shortened(text: str, width: int) -> str:
    """Return the text, or as much of its beginning as fits with an ellipsis."""
    if width_of(text) <= width:
        return text
    beginning = ""
    for letter in text:
        if width_of(beginning + letter) >= width:
            break
        beginning += letter
    return beginning + "…"
