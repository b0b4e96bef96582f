from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pytest
from vistry.data.table import SPLITS, UNASSIGNED, Table

Photo = Callable[..., Path]


@pytest.fixture
def table_of() -> Callable[..., Table]:
    """A table in memory: one list of class indices a row, and a split a row if not unassigned."""

    def build(labels: Iterable[Iterable[int]], splits: Iterable[str] | None = None, classes: int = 0) -> Table:
        rows = [list(row) for row in labels]
        flat = [label for row in rows for label in row]
        count = max([classes, *(label + 1 for label in flat)])
        assigned = [UNASSIGNED] * len(rows) if splits is None else [SPLITS.index(name) for name in splits]
        return Table(
            root=Path("/data"),
            format="jsonl",
            classes=tuple(f"c{at}" for at in range(count)),
            images=[f"/data/{at}.jpg" for at in range(len(rows))],
            label_starts=np.concatenate(([0], np.cumsum([len(row) for row in rows]))).astype(np.int64),
            labels=np.array(flat, dtype=np.int32),
            split=np.array(assigned, dtype=np.int8),
            files=(Path("/data/a.jsonl"),),
            file_of=np.zeros(len(rows), dtype=np.int32),
            lines=np.arange(1, len(rows) + 1, dtype=np.int32),
        )

    return build
