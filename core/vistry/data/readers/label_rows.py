"""Merge rows that each give an image one of its labels into one row an image."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from vistry.data.findings import Finding

LabelledImage = tuple[str, list[int], int, int]
"""Path, provisional class ids, index into SPLITS, line."""
# Of images that have several rows with different labels, up to a tenth are taken for mistakes.
OFTEN = 0.1


def has_a_label_a_row(rows: Sequence[LabelledImage]) -> bool:
    """Whether no row has several labels; where one has, each row is a whole list."""
    return all(len(labels) <= 1 for _, labels, _, _ in rows)


def merge_label_rows(rows: Sequence[LabelledImage], file: Path) -> tuple[list[LabelledImage], list[Finding]]:
    """Merge the rows of each image and split into the first of them; also return a finding for each repeated label."""
    by_image: dict[tuple[str, int], LabelledImage] = {}
    repeats = []
    for image, labels, split, line in rows:
        first = by_image.setdefault((image, split), (image, [], split, line))
        if set(labels) <= set(first[1]) and first[3] != line:
            message = f"{image}: the row repeats line {first[3]}"
            repeats.append(Finding.of("image-repeated", message, file, line=line))
        first[1].extend(label for label in labels if label not in first[1])
    return list(by_image.values()), repeats


def are_often_several(rows: Iterable[tuple[str, str]]) -> bool:
    """Whether of (image, label) many images have several labels, more than are likely to be mistakes."""
    labels: dict[str, set[str]] = {}
    for image, label in rows:
        labels.setdefault(image, set()).add(label)
    return sum(len(names) > 1 for names in labels.values()) > OFTEN * len(labels)
