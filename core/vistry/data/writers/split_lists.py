"""The rows of each split, as lists of a data set name them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from vistry.data.table import SPLITS, UNASSIGNED, Table

# What the field calls the splits.
WORDS = {"train": "train", "validation": "val", "test": "test"}


def has_splits(table: Table) -> bool:
    """Whether the data assigns any row to a split."""
    return bool(np.any(table.split != UNASSIGNED))


def rows_by_split(table: Table) -> Iterator[tuple[str, list[int]]]:
    """(word, rows) of each split that has some; rows without one train."""
    split = np.where(table.split == UNASSIGNED, SPLITS.index("train"), table.split)
    for number, name in enumerate(SPLITS):
        rows = np.flatnonzero(split == number).tolist()
        if rows:
            yield WORDS[name], rows
