"""Names of COCO's categories: a name that several categories of a file have is told apart, or said to be one class."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace

import numpy as np

from vistry.data.findings import Finding
from vistry.data.table import Table


class CategoryNames:
    """Gives each category of a file a class of its own, and settles at the end which of them are one.

    Only where objects of several are there: exports name the group of all classes as the class that it holds. Those
    with supercategories that differ are two classes, called by both names; others are one.
    """

    def __init__(self) -> None:
        self._variants: dict[str, dict[str, str]] = defaultdict(dict)
        self._plain: dict[str, str] = {}

    def classes(self, categories: Iterable[tuple[int | str, str, str]]) -> list[str]:
        """The class of each (id, name, supercategory) of a file."""
        listed = list(categories)
        counts = Counter(name for _, name, _ in listed)
        supers = Counter((name, above) for _, name, above in listed)
        classes = []
        for number, name, above in listed:
            if counts[name] == 1:
                self._plain.setdefault(name, above)
                classes.append(name)
                continue
            distinct = above if above and supers[name, above] == 1 else ""
            variant = f"{name} ({distinct or f'category {number}'})"
            self._variants[name][variant] = distinct
            classes.append(variant)
        return classes

    def told_apart(self, table: Table) -> tuple[Table, list[Finding]]:
        """The table with its final class names, and a finding for each name of several categories with objects."""
        renamed: dict[str, str] = {}
        findings = []
        for name, variants in self._variants.items():
            used = {variant: above for variant, above in variants.items() if variant in table.classes}
            if len(used) > 1:
                is_apart = all(used.values())
                findings.append(_said(table, name, used, is_apart=is_apart))
                same = {above: variant for variant, above in used.items()}
                if is_apart and self._plain.get(name) in same:
                    renamed[name] = same[self._plain[name]]
                if is_apart:
                    continue
            renamed |= dict.fromkeys(used, name)
        return _with_names(table, renamed), findings


def _said(table: Table, name: str, used: Mapping[str, str], is_apart: bool) -> Finding:
    counts = dict(zip(table.classes, table.object_counts().tolist(), strict=True))
    told = " and ".join(f"'{variant}' ({counts[variant]} objects)" for variant in used)
    message = f"{len(used)} categories are called '{name}': "
    message += f"they are the classes {told}, by their supercategories" if is_apart else f"{told} are one class"
    return Finding.of("class-same-name", message, table.root, count=len(used))


def _with_names(table: Table, renamed: Mapping[str, str]) -> Table:
    """The table with other class names, of which several may become one."""
    if not renamed:
        return table
    names = [renamed.get(name, name) for name in table.classes]
    classes = sorted(set(names))
    index = np.asarray([classes.index(name) for name in names], dtype=np.int32)
    return replace(table, classes=tuple(classes), labels=index[table.labels])
