from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from vistry.data.masks.rle import object_mask
from vistry.data.table import Table

Photo = Callable[..., Path]


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
