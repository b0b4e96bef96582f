"""Whether the images of a table exist, by listing each folder once, and whether links stay in the data folder."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator

from vistry.data.findings import Finding
from vistry.data.readers.locations import is_inside
from vistry.data.table import Table

Listing = dict[str, bool]


def absent_images(table: Table) -> dict[int, Finding]:
    """Rows whose image is missing, or is a link out of the data folder, with the reason."""
    root = str(table.root)
    faults = {}
    for folder, rows in _rows_by_folder(table).items():
        listing = _listing(folder)
        for row in rows:
            finding = _fault(table.images[row], listing, root)
            if finding is not None:
                faults[row] = finding
    return faults


def _rows_by_folder(table: Table) -> dict[str, list[int]]:
    rows: dict[str, list[int]] = defaultdict(list)
    for row, image in enumerate(table.images):
        rows[image.rpartition("/")[0]].append(row)
    return rows


def _listing(folder: str) -> Listing | None:
    """The files of a folder, and whether each is a link; None where there is no such folder."""
    try:
        with os.scandir(folder) as entries:
            return dict(_files(entries))
    except OSError:
        return None


def _files(entries: Iterator[os.DirEntry[str]]) -> Iterator[tuple[str, bool]]:
    for entry in entries:
        try:
            if entry.is_file():
                yield entry.name, entry.is_symlink()
        except OSError:
            continue


def _fault(image: str, listing: Listing | None, root: str) -> Finding | None:
    if listing is None:
        return Finding.of("image-missing", "the image file does not exist, nor does its folder", image)
    is_link = listing.get(image.rpartition("/")[2])
    if is_link is None:
        return Finding.of("image-missing", "the image file does not exist" + _other_case(image, listing), image)
    if is_link and is_inside(image, root):
        target = os.path.realpath(image)
        if not is_inside(target, root):
            message = f"the file is a link to {target}, out of the data folder {root}"
            return Finding.of("path-escape", message, image)
    return None


def _other_case(image: str, listing: Listing) -> str:
    name = image.rpartition("/")[2]
    close = next((other for other in listing if other.lower() == name.lower()), None)
    return f", but '{close}' does" if close else ""
