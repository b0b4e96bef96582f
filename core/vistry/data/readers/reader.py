"""The contract of a reader: what each module of a data format provides."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from vistry.data.findings import Finding
from vistry.data.table import Table

if TYPE_CHECKING:
    from vistry.data.source import DataSource


@dataclass(frozen=True)
class Reading:
    """The rows that a reader could parse, and what was wrong with the others.

    `auxiliary`: images that are no rows and that the reader accounts for, such as masks, relative to the data folder.
    """

    table: Table
    findings: tuple[Finding, ...] = ()
    auxiliary: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Evidence:
    """What speaks for a format in a data set, and what against it.

    `summary`: what was seen of it, such as "364 XML files in Annotations/". `named` and `present`: how many images a
    sample of its files names, and how many of these there are. `covers`: about how many images its files describe, 0
    where that isn't known without reading them. `against`: why the data can't be read in this format, and `remedy` what
    to do about it.
    """

    summary: str
    named: int = 0
    present: int = 0
    covers: int = 0
    against: str = ""
    remedy: str = ""

    @property
    def explains(self) -> bool:
        """Whether the data can be read so: nothing speaks against it, and of the images it names there are some."""
        return not self.against and (self.present > 0 or self.named == 0)


class Reader(Protocol):
    """A module, or an object, that reads one format by its path alone; `[readers.NAME]` of a manifest names it.

    How a reader fills its table is told by `table_builder.TableBuilder` and `object_builder.ObjectTableBuilder`. A row
    or an object that it can't use is a finding with file and line, and the others are read.
    """

    def fits(self, path: Path) -> bool:
        """Whether the data at this path looks like the reader's format. Looks at names and at a few bytes only."""

    def read(self, path: Path, task: str) -> Reading:
        """The rows with labels for this task, by its full name. Raises FindingError where none can be read."""

    def guess_task(self, path: Path) -> tuple[str, str]:
        """The full name of the task that the labels suggest, and the reason, such as "labels with boxes"."""


class SourceReader(Protocol):
    """A reader that gets the index of the data folder, and judges how well it explains what is there.

    A module or object with `judge` is one. It looks images up with `finder.ImageFinder`, so that any names of folders
    will do.
    """

    def judge(self, source: DataSource) -> Evidence | None:
        """What speaks for and against this format, by a sample; None where there is nothing of it."""

    def read(self, source: DataSource, task: str) -> Reading:
        """The rows with labels for this task, by its full name. Raises FindingError where none can be read."""

    def guess_task(self, source: DataSource) -> tuple[str, str]:
        """The full name of the task that the labels suggest, and the reason, such as "labels with boxes"."""
