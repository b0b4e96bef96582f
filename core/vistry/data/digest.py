"""A data set and its findings in a few lines of text."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from vistry.data.catalogue import GRAVITY
from vistry.data.findings import SEVERITIES, Finding
from vistry.data.table import Table

# Letters of a list of classes, and of one name in it.
LIST_LENGTH = 160
NAME_LENGTH = 40
LISTED_CHECKS = 10


def finding_lines(findings: Iterable[Finding], root: Path) -> list[str]:
    """A line for each check that found something of severity warning or above, the gravest first.

    Each has the number of findings, the first of them and what to do; findings about `root` don't repeat its path.
    """
    by_check: dict[str, list[Finding]] = defaultdict(list)
    for finding in findings:
        if finding.severity != "info":
            by_check[finding.check].append(finding)
    grave_first = sorted(by_check.items(), key=lambda item: (SEVERITIES.index(item[1][0].severity), GRAVITY[item[0]]))
    lines = [_line(check, faults, root) for check, faults in grave_first[:LISTED_CHECKS]]
    rest = sum(len(faults) for _, faults in grave_first[LISTED_CHECKS:])
    return [*lines, f"{rest} findings of {len(grave_first) - LISTED_CHECKS} other checks"] if rest else lines


def _line(check: str, findings: Sequence[Finding], root: Path) -> str:
    first = findings[0]
    if first.file is not None and Path(first.file) in (root, root.resolve()):
        first = replace(first, file=None, line=None)
    number = f"{len(findings)} x " if len(findings) > 1 else ""
    such_as = ", such as " if len(findings) > 1 else ": "
    return readable(f"{number}{check}{such_as}{first}")


def left_out_lines(quarantined: Iterable[Finding]) -> list[str]:
    """A line for each check that costs images, lines or objects: the first of them and the number of others."""
    by_check: dict[str, list[Finding]] = defaultdict(list)
    for finding in quarantined:
        by_check[finding.check].append(finding)
    lines = []
    for check, faults in sorted(by_check.items(), key=lambda item: -len(item[1])):
        more = f" and {len(faults) - 1:,} more ({check})" if len(faults) > 1 else ""
        lines.append(readable(f"left out: {faults[0].quarantines}: {faults[0].reason}{more}"))
    return lines


def class_line(table: Table) -> str:
    """The number of classes, and the images or the objects of each as far as there is room."""
    are_objects = table.objects is not None
    numbers = table.object_counts() if are_objects else table.class_counts()
    count = f"{len(table.classes)} {'class' if len(table.classes) == 1 else 'classes'}"
    listing = class_listing(dict(zip(table.classes, numbers.tolist(), strict=True)))
    return f"{'objects of ' if are_objects else ''}{count}: {listing or 'none'}"


def class_listing(counts: Mapping[str, int]) -> str:
    """Class names with their counts, as far as there is room: "cat (12), dog (9) and 78 more"."""
    parts: list[str] = []
    length = 0
    for name, count in counts.items():
        part = f"{_cut(readable(name))} ({count:,})"
        length += len(part) + 2
        if parts and length > LIST_LENGTH:
            break
        parts.append(part)
    rest = len(counts) - len(parts)
    return ", ".join(parts) + (f" and {rest:,} more" if rest else "")


def _cut(name: str) -> str:
    return name if len(name) <= NAME_LENGTH else f"{name[: NAME_LENGTH - 1]}…"


def readable(text: str) -> str:
    """The text with letters that a terminal would act on, or can't show, written as escapes."""
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)
