"""Findings about usable images: a warning for each image, and one remark a kind for what is handled anyway."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from vistry.data.checks.inspection import FAINT, FAINT_SHARE, SMALL_SIDE, Inspection
from vistry.data.checks.row_location import at_row, display_path
from vistry.data.findings import CHECKS, Finding
from vistry.data.images.formats import HEAD_BYTES, format_of_bytes
from vistry.data.table import Table


def image_remarks(table: Table, inspections: Mapping[int, Inspection]) -> Iterator[Finding]:
    """The findings of all inspections, by check."""
    rows: dict[str, list[int]] = defaultdict(list)
    for row, inspection in inspections.items():
        for check in inspection.remarks:
            rows[check].append(row)
    for check in CHECKS:
        if check in rows and CHECKS[check].severity == "info":
            yield _grouped(check, table, rows[check])
        else:
            yield from (_single(check, table, row) for row in rows.get(check, ()))


def _grouped(check: str, table: Table, rows: list[int]) -> Finding:
    message = f"{len(rows)} image(s), such as {display_path(table, rows[0])}: {CHECKS[check].summary}"
    finding = Finding.of(check, message, *table.location(rows[0]), count=len(rows))
    return replace(finding, image=table.images[rows[0]])


def _single(check: str, table: Table, row: int) -> Finding:
    if check == "image-extension":
        message = f"the content is {_content(table.images[row])}, unlike the extension, and is read as such"
    elif check == "image-faint":
        message = f"16-bit pixels, {FAINT_SHARE:.0%} under {FAINT}: nearly black in 8 bits"
    else:
        message = f"the shorter side is under {SMALL_SIDE} pixels"
    return at_row(Finding.of(check, message), table, row)


def _content(image: str) -> str:
    with Path(image).open("rb") as stream:
        image_format = format_of_bytes(stream.read(HEAD_BYTES))
    return image_format.name if image_format else "unknown"
