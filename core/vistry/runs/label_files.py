"""Labels as files, each whole or not at all."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from vistry.data.conversion import Output
from vistry.runs.files import replacing


@dataclass(frozen=True)
class WrittenFile:
    """A file or folder of labels, and how many images, objects and classes are in it.

    Labels of whole images are no objects.
    """

    path: Path
    images: int
    objects: int
    classes: int

    def to_dict(self) -> dict[str, object]:
        """Return plain JSON values."""
        return {**vars(self), "path": str(self.path)}


def write_labels(outputs: Iterable[Output]) -> tuple[WrittenFile, ...]:
    """Write what a conversion gives. Raises DataError for labels that can't be written, RunError for a place."""
    written = []
    for part in outputs:
        for path, pieces in part.files:
            with replacing(path) as temporary, temporary.open("w", encoding="utf-8") as file:
                file.writelines(pieces)
        table = part.table
        objects = 0 if table.objects is None else len(table.labels)
        written.append(WrittenFile(part.path, len(table), objects=objects, classes=len(table.classes)))
    return tuple(written)
