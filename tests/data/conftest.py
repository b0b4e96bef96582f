from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from vistry.data.masks.rle import object_mask
from vistry.data.table import Table

Photo = Callable[..., Path]


@pytest.fixture
def class_folders(tmp_path: Path, photo: Photo) -> Path:
    """Two classes of twelve distinct images."""
    for seed in range(24):
        photo(f"{'cat' if seed % 2 else 'dog'}/{seed:02d}.jpg", seed)
    return tmp_path


@pytest.fixture
def jsonl(tmp_path: Path) -> Callable[..., Path]:
    """Write rows, as (image_url, label) pairs or raw text, into a JSON Lines file."""

    def write(*rows: tuple[str, Any] | str, name: str = "data.jsonl") -> Path:
        path = tmp_path / name
        path.write_text("".join(f"{as_line(row)}\n" for row in rows), encoding="utf-8")
        return path

    return write


def as_line(row: tuple[str, Any] | str) -> str:
    return row if isinstance(row, str) else json.dumps({"image_url": row[0], "label": row[1]})


@pytest.fixture
def masks_of_row() -> Callable[[Table, int], npt.NDArray[np.bool_]]:
    """[K, H, W] the masks of an image's objects, in the order of its labels."""

    def draw(table: Table, row: int) -> npt.NDArray[np.bool_]:
        assert table.objects is not None
        size = int(table.objects.width[row]), int(table.objects.height[row])
        first, last = table.label_starts[row], table.label_starts[row + 1]
        masks = [object_mask(table, index, *size) for index in range(first, last)]
        return np.stack(masks) if masks else np.zeros((0, size[1], size[0]), dtype=bool)

    return draw
