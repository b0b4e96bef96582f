"""Check the classes of a table: similar names, few images, imbalance, and splits without one."""

from __future__ import annotations

import re
import unicodedata
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
APOSTROPHES = "'\u2019`"
# Of Latin, Greek and Cyrillic letters; the marks of other scripts are letters in all but name.
ACCENTS = frozenset(map(chr, range(0x300, 0x370)))
# Endings of English nouns with those of their plurals, beside -s and -es.
PLURALS = (("y", "ies"), ("f", "ves"), ("fe", "ves"), ("man", "men"))

SPLIT_OF = {"class-untrained": "training", "class-unvalidated": "validation"}

Counts = npt.NDArray[np.int64]


def class_findings(table: Table, task: str) -> list[Finding]:
    """Every finding about the classes of a table of usable rows."""
    counts = table.class_counts()
    return [
        *_too_few_classes(table, task),
        *_similar_names(table, counts),
        *_few_images(table, counts),
        *_imbalance(table, counts),
        *split_findings(table),
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
    """Pairs that differ by case, spaces, hyphens, accents or a plural; by one letter where long, or where one is rare.

    Names that differ in their digits only, such as 'grade 1' and 'grade 2', are not similar.
    """
    alike: dict[str, list[int]] = defaultdict(list)
    for at, name in enumerate(names):
        folded = _folded(name)
        for key in _keys(folded) | _plurals(folded):
            alike[key].append(at)
    pairs = {pair for group in alike.values() for pair in combinations(group, 2)}
    return sorted(pair for pair in pairs if _is_suspect(names, counts, *pair))


def _keys(name: str) -> set[str]:
    """The name, and it without any one letter: two names one letter apart share a key."""
    return {name, *(name[:at] + name[at + 1 :] for at in range(len(name)))}


def _folded(name: str) -> str:
    """The name without case, spaces, hyphens, apostrophes and accents, each letter in its plainest form."""
    letters = unicodedata.normalize("NFKD", name).casefold()
    return "".join(letter for letter in letters if not _is_ignored(letter)) or name


def _is_ignored(letter: str) -> bool:
    category = unicodedata.category(letter)
    return category in ("Cf", "Pc", "Pd") or letter.isspace() or letter in APOSTROPHES or letter in ACCENTS


def _is_suspect(names: Sequence[str], counts: Counts, first: int, second: int) -> bool:
    one, other = _folded(names[first]), _folded(names[second])
    if one == other or _plurals(one) & {other} or _plurals(other) & {one}:
        return True
    if re.sub(r"\d+", "", one) == re.sub(r"\d+", "", other):
        return False
    length = min(len(one), len(other))
    rare = min(counts[first], counts[second]) <= RARE * max(counts[first], counts[second])
    return length >= LONG_NAME or (length >= SHORT_NAME and bool(rare))


def _plurals(name: str) -> set[str]:
    """What the plural of an English noun may look like."""
    plurals = {name + "s", name + "es"}
    for ending, plural in PLURALS:
        if name.endswith(ending):
            plurals.add(name.removesuffix(ending) + plural)
    return plurals


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


def split_findings(table: Table) -> Iterator[Finding]:
    """The classes without an image to train on, and those without one to validate on, where the rows have splits."""
    validates = table.split == VALIDATION
    trains = ~validates & (table.split != TEST)
    counts = table.class_counts()
    if trains.any() and not trains.all():
        yield from _missing("class-untrained", table.take(np.flatnonzero(trains)), counts)
    if trains.any() and validates.any():
        yield from _missing("class-unvalidated", table.take(np.flatnonzero(validates)), counts)


def class_gaps(training: Table, validation: Table) -> Iterator[Finding]:
    """The classes that one of two tables of the same classes has no image of."""
    counts = training.class_counts() + validation.class_counts()
    yield from _missing("class-untrained", training, counts)
    yield from _missing("class-unvalidated", validation, counts)


def _missing(check: str, table: Table, counts: Counts) -> Iterator[Finding]:
    missing = np.flatnonzero(table.class_counts() == 0)
    if len(missing):
        message = f"{len(missing)} class(es) have no {SPLIT_OF[check]} image: {_counted(table, counts, missing)}"
        yield Finding.of(check, message, table.root, count=len(missing))


def _small(table: Table) -> Iterator[Finding]:
    count = int(np.sum(~np.isin(table.split, (VALIDATION, TEST))))
    if 0 < count < FEW_IMAGES:
        yield Finding.of("data-small", f"{count} images to train on are very few", table.root)


def _counted(table: Table, counts: Counts, labels: npt.NDArray[np.int64]) -> str:
    listing = ", ".join(f"'{table.classes[at]}' ({counts[at]})" for at in labels[:8])
    return listing + (f" and {len(labels) - 8} more" if len(labels) > 8 else "")
