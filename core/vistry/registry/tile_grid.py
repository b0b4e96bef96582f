"""The value of a hyperparameter that is a grid of tiles."""

from __future__ import annotations

import re
from dataclasses import dataclass

PATTERN = r"\(?\s*([1-9][0-9]*)\s*[xX,]\s*([1-9][0-9]*)\s*\)?"


@dataclass(frozen=True)
class TileGrid:
    """The number of tiles along the width and along the height of an image: at least two in all.

    Raises ValueError for fewer. `str(grid)` is how it is written: 3x2.
    """

    columns: int
    rows: int

    def __post_init__(self) -> None:
        if self.columns < 1 or self.rows < 1 or self.columns * self.rows == 1:
            raise ValueError(f"a grid must have at least two tiles, got {self}; use 2x1 or larger")

    def __str__(self) -> str:
        return f"{self.columns}x{self.rows}"

    @classmethod
    def parse(cls, text: str) -> TileGrid:
        """Read '3x2', '3X2' or '(3, 2)': 3 along the width, 2 along the height. Raises ValueError."""
        match = re.fullmatch(PATTERN, text.strip(), re.ASCII)
        if match is None:
            raise ValueError(f"a grid must be COLUMNSxROWS such as 3x2, got '{text}'")
        return cls(int(match[1]), int(match[2]))
