"""A format's reader and writer as core calls them: what a plugin's code raises or returns is named."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, cast

from vistry.data.readers.reader import Evidence, Reader, Reading, SourceReader
from vistry.data.source import DataSource
from vistry.data.table import Table
from vistry.data.writers.writer import FolderWriter, Scores, Writer
from vistry.registry.part_code import broken, guarded
from vistry.registry.part_specs import ReaderSpec
from vistry.registry.parts import Part
from vistry.registry.tasks import TASK_NAMES


@dataclass(frozen=True)
class GuardedReader:
    """A reader, with the part that it belongs to; files that can't be read stay an OSError.

    One that knows paths only (`Reader`) is asked whether they fit, and given them.
    """

    part: Part[ReaderSpec]
    reader: Reader | SourceReader

    def judge(self, source: DataSource) -> Evidence | None:
        """What speaks for and against the reader's format."""
        with guarded(self.part, passing=OSError):
            if hasattr(self.reader, "judge"):
                evidence: Any = self.reader.judge(source)
            else:
                fits = self.reader.fits(source.path)
                evidence = Evidence(self.part.spec.summary) if fits else None
        if evidence is not None and not isinstance(evidence, Evidence):
            raise broken(self.part, f"judge must return Evidence or None, got {type(evidence).__name__}")
        return evidence

    def read(self, source: DataSource, task: str) -> Reading:
        """The rows with labels for this task."""
        with guarded(self.part, passing=OSError):
            reading: Any = self.reader.read(self._argument(source), task)
        if not isinstance(reading, Reading):
            raise broken(self.part, f"read must return a Reading, got {type(reading).__name__}")
        return reading

    def guess_task(self, source: DataSource) -> tuple[str, str]:
        """The full name of the task that the labels suggest, and the reason."""
        with guarded(self.part, passing=OSError):
            task, reason = self.reader.guess_task(self._argument(source))
        if task not in TASK_NAMES:
            raise broken(self.part, f"guess_task must return a task's full name and the reason, got {task!r}")
        return task, reason

    def _argument(self, source: DataSource) -> Any:
        return source if hasattr(self.reader, "judge") else source.path


@dataclass(frozen=True)
class GuardedWriter:
    """A writer, with the part that it belongs to."""

    part: Part[ReaderSpec]
    writer: Writer | FolderWriter

    @property
    def writes_folder(self) -> bool:
        """Whether it writes a folder of files, and not a file."""
        return hasattr(self.writer, "write_files")

    @property
    def SUFFIX(self) -> str:
        """The end of a file's name, with its dot."""
        with guarded(self.part):
            suffix: Any = cast(Writer, self.writer).SUFFIX
        if not isinstance(suffix, str) or not suffix.startswith("."):
            raise broken(self.part, f"SUFFIX must be the end of a file's name, such as '.txt', got {suffix!r}")
        return suffix

    def write(self, table: Table, images: Sequence[str]) -> Iterator[str]:
        """The file's text piece by piece."""
        with guarded(self.part, passing=OSError):
            yield from self._checked(cast(Writer, self.writer).write(table, images), "write")

    @property
    def writes_predictions(self) -> bool:
        """Whether it writes what a model said otherwise than what people said."""
        return hasattr(self.writer, "write_predictions")

    def write_predictions(self, table: Table, images: Sequence[str], *, scores: Scores) -> Iterator[str]:
        """The file's text piece by piece, as what a model said with these scores of its labels."""
        writer: Any = self.writer
        with guarded(self.part, passing=OSError):
            pieces = writer.write_predictions(table, images, scores=scores)
            yield from self._checked(pieces, "write_predictions")

    def write_files(self, table: Table, images: Sequence[str]) -> Iterator[tuple[str, Iterator[str]]]:
        """(path, text piece by piece) of each file below a folder."""
        with guarded(self.part, passing=OSError):
            files: Iterator[Any] = cast(FolderWriter, self.writer).write_files(table, images)
            for path, pieces in files:
                inside = PurePosixPath(path)
                if inside.is_absolute() or ".." in inside.parts:
                    raise broken(self.part, f"write_files must yield paths below its folder, got {path!r}")
                yield path, self._guarded(pieces)

    def write_labels(self, table: Table, images: Sequence[str], *, several: bool) -> Iterator[str]:
        """The file's text for labels of whole images, one an image or several."""
        labels = getattr(self.writer, "write_labels", None)
        if labels is None:
            yield from self.write(table, images)
            return
        with guarded(self.part, passing=OSError):
            yield from self._checked(labels(table, images, several=several), "write_labels")

    def _guarded(self, pieces: Iterator[Any]) -> Iterator[str]:
        with guarded(self.part, passing=OSError):
            yield from self._checked(pieces, "write_files")

    def _checked(self, pieces: Iterator[Any], function: str) -> Iterator[str]:
        for piece in pieces:
            if not isinstance(piece, str):
                raise broken(self.part, f"{function} must yield text, got {type(piece).__name__}")
            yield piece
