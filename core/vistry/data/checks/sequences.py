"""Notice images that are probably frames of a video or pictures of one patient, before a split parts them."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from itertools import pairwise
from pathlib import PurePath

import numpy as np
import numpy.typing as npt
from PIL import Image

from vistry.data.checks.row_location import display_path
from vistry.data.findings import Finding, FindingError
from vistry.data.images.decode import load_image
from vistry.data.table import Table

Rows = npt.NDArray[np.int64]
Pairs = list[tuple[int, int]]

SIDE = 8  # of a thumbnail, in pixels
SAMPLE = 60  # pairs to compare, of each kind
LEAST = 20  # neighbours: fewer tell little
# Neighbours whose difference is below this share of that of two images of a class. Photographs of one thing that are
# numbered as they were taken one by one reach about 0.9.
ALIKE = 0.5
# A few images apart from a series are odd ones, and no measure of how much images of a class differ.
FEW_APART = 4
_NUMBERED = re.compile(r"(.*?)(\d+)", re.DOTALL)


def sequence_findings(table: Table, seed: int = 0) -> Iterator[Finding]:
    """A finding where names run on in numbers and neighbours look far more alike than other images of their class.

    Only where the data has no validation rows of its own: then a split is drawn, and would part neighbours.
    """
    if len(table.rows_of("validation")) or len(table) <= LEAST:
        return
    random = np.random.default_rng(seed)
    series = _series(table)
    neighbours = [pair for rows in series.values() for pair in pairwise(rows)]
    if len(neighbours) < LEAST:
        return
    chosen = [neighbours[at] for at in random.permutation(len(neighbours))[:SAMPLE]]
    others = _strangers(table, [first for first, _ in chosen], series, random=random)
    near, far = (_difference(table, pairs) for pairs in (chosen, others))
    if near is None or far is None or near >= ALIKE * far:
        return
    first, second = chosen[0]
    message = (
        f"names run on in numbers, and neighbours such as {display_path(table, first)} and "
        f"{display_path(table, second)} differ {far / max(near, 0.1):.1f} times less than two images of a class do: "
        "frames of a video, or pictures of one thing, would be on both sides of a drawn split"
    )
    yield Finding.of("group-suspected", message, table.root, count=len(neighbours)).advising(_advice(table, series))


def _series(table: Table) -> dict[tuple[str, str], list[int]]:
    """Rows by folder and by the name without its number, in the order of the numbers."""
    numbered: dict[tuple[str, str], list[tuple[int, int]]] = defaultdict(list)
    for row, image in enumerate(table.images):
        path = PurePath(image)
        if match := _NUMBERED.fullmatch(path.stem):
            numbered[str(path.parent), match[1]].append((int(match[2][-18:]), row))
    return {key: [row for _, row in sorted(rows)] for key, rows in numbered.items()}


def _strangers(
    table: Table, rows: list[int], series: dict[tuple[str, str], list[int]], random: np.random.Generator
) -> Pairs:
    """For each row another one of its class, of another series where a good part of the class is of one."""
    first_labels = np.full(len(table), -1)
    some = np.diff(table.label_starts) > 0
    first_labels[some] = table.labels[table.label_starts[:-1][some]]
    of_series = np.full(len(table), -1)
    for number, members in enumerate(series.values()):
        of_series[members] = number
    pairs = []
    for row in rows:
        alike = first_labels == first_labels[row]
        candidates = np.flatnonzero(alike & (of_series != of_series[row]))
        if len(candidates) * FEW_APART < np.sum(alike):
            candidates = np.setdiff1d(np.flatnonzero(alike), [row])
        if len(candidates):
            pairs.append((row, int(random.choice(candidates))))
    return pairs


def _difference(table: Table, pairs: Pairs) -> float | None:
    """The median difference of the pairs' thumbnails in grey levels; None where too few can be opened."""
    thumbnails = {row: _thumbnail(table.images[row]) for row in {row for pair in pairs for row in pair}}
    differences = [
        float(np.abs(one - other).mean())
        for first, second in pairs
        if (one := thumbnails[first]) is not None and (other := thumbnails[second]) is not None
    ]
    return float(np.median(differences)) if len(differences) >= LEAST else None


def _thumbnail(image: str) -> npt.NDArray[np.float32] | None:
    try:
        small = load_image(image, at_least=SIDE).convert("L").resize((SIDE, SIDE), Image.Resampling.BOX)
    except FindingError:
        return None
    return np.asarray(small, dtype=np.float32)


def _advice(table: Table, series: dict[tuple[str, str], list[int]]) -> str:
    """What to type: a pattern for names with a word before the number, or for folders, where either tells groups."""
    folders = {folder for folder, _ in series}
    words = sorted({word for _, word in series})
    separator = next((mark for mark in "_-" if all(word.endswith(mark) for word in words)), "")
    if separator and len(words) > 1:
        parts = min(word.count(separator) for word in words)
        return f"if so, keep them together: --group-by '{f'{{group}}{separator}' * parts}*'"
    if len(folders) > max(1, len(table.classes)):
        return "if each folder is one of them, keep them together: --group-by '{group}/*'"
    return "if so, keep them together: --group-by with a column of the data's table, or a pattern on the names"
