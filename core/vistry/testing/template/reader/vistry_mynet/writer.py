"""Writes .mynet files, for `vistry convert --to mynet`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from vistry.plugin.data import Finding, FindingError, Table

SUFFIX: str = ".mynet"


def write(table: Table, images: Sequence[str]) -> Iterator[str]:
    """A line an image. Raises FindingError for a name that would break its line."""
    for row, image in enumerate(images):
        [label] = table.labels_of(row)
        name = table.classes[label]
        # The format has no quotes, and the reader takes the first tab.
        if any(mark in image + name for mark in "\t\r\n"):
            reason = f"a path or class with a tab or a line break can't be written: {image!r}, {name!r}"
            raise FindingError(Finding.of("line-invalid", reason, *table.location(row)).advising("rename it"))
        yield f"{image}\t{name}\n"
