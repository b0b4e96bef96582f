"""Where a finding about a row belongs: the line that describes the image, or the image itself."""

from __future__ import annotations

from dataclasses import replace

from vistry.data.findings import Finding
from vistry.data.table import Table


def at_row(finding: Finding, table: Table, row: int) -> Finding:
    """The finding at the row's file and line, with the image as its subject where that place doesn't name it."""
    file, line = table.location(row)
    subject = "" if line is None else display_path(table, row)
    return replace(finding, subject=subject, file=file, line=line, image=table.images[row])


def display_path(table: Table, row: int) -> str:
    """The image's path below the data folder, or all of it where it lies elsewhere."""
    return table.images[row].removeprefix(f"{table.root}/")
