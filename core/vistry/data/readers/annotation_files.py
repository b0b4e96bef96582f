"""A file of annotations, and the split that it holds."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from vistry.data.table import UNASSIGNED


@dataclass(frozen=True)
class AnnotationFile:
    """A file of rows and the split it holds: an index into SPLITS, or UNASSIGNED."""

    path: Path
    split: int = UNASSIGNED
