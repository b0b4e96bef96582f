"""Class numbers that seem to be counted from 1, where the format counts from 0."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

from vistry.data.findings import Finding


def numbers_from_one(numbers: Collection[int], names: Mapping[int, str], path: Path) -> list[Finding]:
    """A finding where the first class number never occurs and the one after the last name does, and none beyond it.

    `numbers`: those that occur. `names`: class names by number.
    """
    first, last = min(names, default=0), max(names, default=0)
    if not names or first != 0 or first in numbers or max(numbers, default=0) != last + 1:
        return []
    message = (
        f"the class numbers go from {min(numbers)} to {last + 1} and 0 never occurs, but the {len(names)} names have "
        f"the numbers 0 to {last}: they seem to be counted from 1, and every object would get another's class"
    )
    remedy = f"subtract 1 from every class number, or give a name to 0 that stands before '{names[first]}'"
    return [Finding.of("class-numbers", message, path).advising(remedy)]
