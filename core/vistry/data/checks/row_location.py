"""Where a finding about a row belongs: the line that describes the image, or the image itself."""

from __future__ import annotations

from dataclasses import replace

from vistry.data.findings import Finding
from vistry.data.table import Table


def placed(fault: Finding, table: Table, row: int) -> Finding:
    """The finding at the row's file and line, its message led by the image where the place doesn't name it."""
    file, line = table.place(row)
    message = fault.message if line is None else f"{short_path(table, row)}: {fault.message}"
    return replace(fault, message=message, file=file, line=line)


def short_path(table: Table, row: int) -> str:
    """The image's path below the data folder, or all of it where it lies elsewhere."""
    return table.images[row].removeprefix(f"{table.root}/")
