"""Names of any length and script, cut to fit a picture."""

from __future__ import annotations

import unicodedata


def width_of(text: str) -> int:
    """The width in letters: those of East Asian scripts count twice, marks that combine not at all."""
    return sum(_width(letter) for letter in text)


def _width(letter: str) -> int:
    if unicodedata.combining(letter):
        return 0
    return 2 if unicodedata.east_asian_width(letter) in "WF" else 1


def shortened(text: str, width: int) -> str:
    """The text, or as much of its beginning as fits, with an ellipsis."""
    if width_of(text) <= width:
        return text
    kept = ""
    for letter in text:
        if width_of(kept + letter) >= width:
            break
        kept += letter
    return kept + "…"
