"""The contract of a writer: what each module that writes a data format provides."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from vistry.data.table import Table

# [M] from 0 to 1, one for each of a table's labels.
Scores: TypeAlias = npt.NDArray[np.float32]


class Writer(Protocol):
    """A module, or an object, that writes one format; `[readers.NAME]` of a manifest names it.

    This one writes a file for each split; for a format of a file an image, see `FolderWriter`.
    One that writes one label an image otherwise than several has `write_labels(table, images, *, several)` besides,
    which is called for tables without objects.
    One whose format tells what a model said, for people to correct, from what people said has
    `write_predictions(table, images, *, scores)` besides, which takes the place of `write` for predictions: `scores`
    are an array [M] of the scores from 0 to 1 of the table's M labels.
    """

    @property
    def SUFFIX(self) -> str:
        """The end of a file's name, with its dot."""

    def write(self, table: Table, images: Sequence[str]) -> Iterator[str]:
        """The file's text piece by piece, with `images` as the paths of the rows. Raises DataError if it can't."""


class FolderWriter(Protocol):
    """A writer of a format that is a folder of files, such as a file an image."""

    def write_files(self, table: Table, images: Sequence[str]) -> Iterator[tuple[str, Iterator[str]]]:
        """(path, text piece by piece) of each file, with the splits of all rows.

        Paths are below the folder, with '/'; `images` are those of the rows, from the folder where the image is below
        it, else absolute. Raises DataError for a table that the format can't hold, before the first file.
        """
