"""The contract of a reader: what each module of a data format provides."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from vistry.data.findings import Finding
from vistry.data.table import Table


@dataclass(frozen=True)
class Reading:
    """The rows that a reader could parse, and what was wrong with the others."""

    table: Table
    findings: tuple[Finding, ...] = ()


class Reader(Protocol):
    """A module, or an object, that reads one format; `[readers.NAME]` of a manifest names it.

    How a reader fills its table is told by `table_builder.TableBuilder` and `object_builder.ObjectTableBuilder`. A row
    or an object that it can't use is a finding with file and line, and the others are read.
    """

    def fits(self, path: Path) -> bool:
        """Whether the data at this path looks like the reader's format. Looks at names and at a few bytes only."""

    def read(self, path: Path, task: str) -> Reading:
        """The rows with labels for this task, by its full name. Raises FindingError where none can be read."""

    def guess_task(self, path: Path) -> tuple[str, str]:
        """The full name of the task that the labels suggest, and the reason, such as "labels with boxes"."""
