"""Check the classes of a table: similar names, few images, imbalance, and splits without one."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import combinations

import numpy as np
import numpy.typing as npt

from vistry.data.findings import Finding
from vistry.data.readers.labels import MULTICLASS
from vistry.data.splits import TEST, VALIDATION
from vistry.data.table import Table

# Below this a class's own metrics say little: one image is a tenth.
FEW_IMAGES = 10
# The largest class over the smallest, from which on the mean over classes and over images part.
IMBALANCE = 10
# Names one letter apart are suspect from 8 letters on; from 4 on only if one class has a fifth of the other's images,
# because short names such as "cat" and "cut" are often two classes, and a typing error is rare.
RARE = 0.2
SHORT_NAME = 4
LONG_NAME = 8

Counts = npt.NDArray[np.int64]


def class_findings(table: Table, task: str) -> list[Finding]:
    """Every finding about the classes of a table of usable rows."""
    counts = table.class_counts()
    return [
        *_too_few_classes(table, task),
        *_similar_names(table, counts),
        *_few_images(table, counts),
        *_imbalance(table, counts),
        *_untrained(table),
        *_small(table),
    ]


def _too_few_classes(table: Table, task: str) -> Iterator[Finding]:
    needed = 2 if task == MULTICLASS else 1
    if len(table) > 0 and len(table.classes) < needed:
        names = ", ".join(f"'{name}'" for name in table.classes) or "none"
        message = f"{task} needs at least {needed} class(es) to learn; the labels name {names}"
        yield Finding.of("class-single", message, table.root)


def _similar_names(table: Table, counts: Counts) -> Iterator[Finding]:
    for first, second in similar_pairs(table.classes, counts):
        listing = " and ".join(f"'{table.classes[at]}' ({counts[at]} images)" for at in (first, second))
        rarer = second if counts[second] <= counts[first] else first
        yield Finding.of("label-similar", f"{listing} are nearly the same name", *_first_of_class(table, rarer))


def similar_pairs(names: Sequence[str], counts: Counts) -> list[tuple[int, int]]:
    """Pairs that differ by case, spaces, hyphens or a plural; by one letter where the name is long or one is rare.

    Names that differ in their digits only, such as 'grade 1' and 'grade 2', are not similar.
    """
    alike: dict[str, list[int]] = defaultdict(list)
    for at, name in enumerate(names):
        for key in _keys(_folded(name)):
            alike[key].append(at)
    pairs = {pair for group in alike.values() for pair in combinations(group, 2)}
    return sorted(pair for pair in pairs if _is_suspect(names, counts, *pair))


def _keys(name: str) -> set[str]:
    """The name, and it without any one letter: two names one letter apart share a key."""
    return {name, *(name[:at] + name[at + 1 :] for at in range(len(name)))}


def _folded(name: str) -> str:
    return re.sub(r"[\s_-]+", "", name).casefold()


def _is_suspect(names: Sequence[str], counts: Counts, first: int, second: int) -> bool:
    one, other = _folded(names[first]), _folded(names[second])
    if one == other or one + "s" == other or other + "s" == one:
        return True
    if re.sub(r"\d+", "", one) == re.sub(r"\d+", "", other):
        return False
    length = min(len(one), len(other))
    rare = min(counts[first], counts[second]) <= RARE * max(counts[first], counts[second])
    return length >= LONG_NAME or (length >= SHORT_NAME and bool(rare))


def _first_of_class(table: Table, label: int) -> tuple[str, int | None]:
    at = int(np.argmax(table.labels == label))
    return table.location(int(np.searchsorted(table.label_starts, at, side="right")) - 1)


def _few_images(table: Table, counts: Counts) -> Iterator[Finding]:
    few = np.flatnonzero(counts < FEW_IMAGES)
    if len(few):
        listing = _counted(table, counts, few)
        message = f"{len(few)} class(es) have fewer than {FEW_IMAGES} images: {listing}"
        yield Finding.of("class-few", message, table.root, count=len(few))


def _imbalance(table: Table, counts: Counts) -> Iterator[Finding]:
    if len(counts) > 1 and counts.max() > IMBALANCE * counts.min():
        ends = np.array([counts.argmax(), counts.argmin()])
        message = f"the largest class has over {IMBALANCE} times the images of the smallest: "
        yield Finding.of("class-imbalance", message + _counted(table, counts, ends), table.root)


def _untrained(table: Table) -> Iterator[Finding]:
    trains = ~np.isin(table.split, (VALIDATION, TEST))
    if trains.all():
        return
    trained = table.take(np.flatnonzero(trains)).class_counts()
    missing = np.flatnonzero(trained == 0)
    if len(missing):
        message = f"{len(missing)} class(es) have no training image: "
        listing = _counted(table, table.class_counts(), missing)
        yield Finding.of("class-untrained", message + listing, table.root, count=len(missing))


def _small(table: Table) -> Iterator[Finding]:
    count = int(np.sum(~np.isin(table.split, (VALIDATION, TEST))))
    if 0 < count < FEW_IMAGES:
        yield Finding.of("data-small", f"{count} images to train on are very few", table.root)


def _counted(table: Table, counts: Counts, labels: npt.NDArray[np.int64]) -> str:
    listing = ", ".join(f"'{table.classes[at]}' ({counts[at]})" for at in labels[:8])
    return listing + (f" and {len(labels) - 8} more" if len(labels) > 8 else "")
