"""Find the same image in several rows: listed again, copied, labelled in two ways, or in two splits."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from vistry.data.checks.inspection import Inspection
from vistry.data.checks.row_location import at_row
from vistry.data.contents import digest_of
from vistry.data.findings import Finding
from vistry.data.table import SPLITS, Table

Groups = npt.NDArray[np.int64]
Item = TypeVar("Item")


def groups_of_same(table: Table, rows: Groups, inspections: Mapping[int, Inspection]) -> Groups:
    """[N] for each of `rows` the first row that shows the same image, by path or content; other rows stand alone.

    Content is compared where the files were inspected: those with one size and the same ends are read.
    """
    groups = np.arange(len(table))
    first_of_path: dict[str, int] = {}
    for row in rows.tolist():
        groups[row] = first_of_path.setdefault(table.images[row], row)
    if not inspections:
        return groups
    leaders = np.arange(len(table))
    by_ends = split_by_key(
        [list(first_of_path.values())], lambda row: (inspections[row].size, inspections[row].checksum)
    )
    for same in split_by_key(by_ends, lambda row: digest_of(table.images[row])):
        leaders[same] = same[0]
    merged: Groups = leaders[groups]
    return merged


def split_by_key(groups: Iterable[Sequence[Item]], key: Callable[[Item], object]) -> Iterator[list[Item]]:
    """Split each group into parts with equal keys, and leave out the parts of one item."""
    for group in groups:
        parts: dict[object, list[Item]] = defaultdict(list)
        for item in group:
            parts[key(item)].append(item)
        yield from (part for part in parts.values() if len(part) > 1)


def duplicate_findings(table: Table, groups: Groups) -> tuple[dict[int, Finding], list[Finding]]:
    """Rows that can't be used beside their copies, with the reason; and warnings about copies that can."""
    faults: dict[int, Finding] = {}
    warnings: list[Finding] = []
    for rows in _shared(groups):
        leaks = dict(_leaks(table, rows))
        faults |= leaks
        usable = [row for row in rows if row not in leaks]
        faults |= (repeats := dict(_repeats(table, usable)))
        warnings += _copies(table, [row for row in usable if row not in repeats])
    return faults, warnings


def _shared(groups: Groups) -> list[list[int]]:
    """The rows of every group of two and more."""
    order = np.argsort(groups, kind="stable")
    _, starts, counts = np.unique(groups[order], return_index=True, return_counts=True)
    several = counts > 1
    return [
        order[start : start + count].tolist() for start, count in zip(starts[several], counts[several], strict=True)
    ]


def _leaks(table: Table, rows: Sequence[int]) -> Iterator[tuple[int, Finding]]:
    """The rows of an image but those of its last split: an image for testing or validation must not train."""
    last = max(int(table.split[row]) for row in rows)
    keeper = next(row for row in rows if table.split[row] == last)
    for row in rows:
        if table.split[row] != last:
            here = SPLITS[max(0, int(table.split[row]))]
            message = f"the same image is in {here} and, as {table.where(keeper)}, in {SPLITS[last]}"
            yield row, Finding.of("split-leak", message).advising(f"remove one of the two; the {here} copy is left out")


def _repeats(table: Table, rows: Sequence[int]) -> Iterator[tuple[int, Finding]]:
    """Rows that repeat the path and the labels of an earlier one."""
    first_rows: dict[tuple[str, object], int] = {}
    for row in rows:
        first = first_rows.setdefault((table.images[row], _annotation(table, row)), row)
        if first != row:
            message = f"the image is listed again with the same labels; first at {table.where(first)}"
            yield row, Finding.of("image-repeated", message)


def _copies(table: Table, rows: Sequence[int]) -> Iterator[Finding]:
    if len(rows) < 2:
        return
    first, *others = rows
    for row in others:
        if _annotation(table, row) != _annotation(table, first):
            mine, other = _names(table, row), _names(table, first)
            message = f"labelled {mine}, but the same image is labelled {other} at {table.where(first)}"
            if mine == other:
                message = f"the boxes differ from those of the same image at {table.where(first)}"
            yield at_row(Finding.of("label-conflict", message), table, row)
    copies = list(dict.fromkeys(table.images[row] for row in rows))
    if len(copies) > 1:
        message = f"{len(copies)} files have the same bytes: {', '.join(copies[:4])}"
        yield Finding.of("image-duplicate", message, *table.location(first), count=len(copies))


def leaking_rows(training: Table, validation: Table) -> dict[int, Finding]:
    """Rows of a training table whose image is also in a validation table of its own, with the reason."""
    where = {image: validation.where(row) for row, image in enumerate(validation.images)}
    by_size = split_by_key([list(dict.fromkeys([*training.images, *where]))], lambda image: Path(image).stat().st_size)
    for same in split_by_key(by_size, digest_of):
        here = next((where[image] for image in same if image in where), None)
        if here is not None:
            where |= dict.fromkeys(same, here)
    return {
        row: Finding.of("split-leak", f"the same image is in the validation data, at {where[image]}")
        for row, image in enumerate(training.images)
        if image in where
    }


def _labels(table: Table, row: int) -> tuple[int, ...]:
    return tuple(sorted(table.labels_of(row).tolist()))


def _annotation(table: Table, row: int) -> tuple[tuple[int, ...], bytes]:
    """The labels of a row, and its boxes as bytes where labels are objects; equal rows say the same of their image."""
    if table.objects is None:
        return _labels(table, row), b""
    first, last = table.label_starts[row], table.label_starts[row + 1]
    return _labels(table, row), table.objects.boxes[first:last].tobytes()


def _names(table: Table, row: int) -> str:
    labels = dict.fromkeys(_labels(table, row))
    return " and ".join(f"'{table.classes[label]}'" for label in labels) or "nothing"
