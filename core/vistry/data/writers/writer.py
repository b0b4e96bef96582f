"""The contract of a writer: what each module that writes a data format provides."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from vistry.data.table import Table


class Writer(Protocol):
    """A module, or an object, that writes one format; `[readers.NAME]` of a manifest names it.

    One that writes one label an image otherwise than several has `write_labels(table, images, *, several)` besides,
    which is called for tables without objects.
    """

    @property
    def SUFFIX(self) -> str:
        """The end of a file's name, with its dot."""

    def write(self, table: Table, images: Sequence[str]) -> Iterator[str]:
        """The file's text piece by piece, with `images` as the paths of the rows. Raises DataError if it can't."""
