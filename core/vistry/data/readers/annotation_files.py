"""Which annotation files a data set has, and the split that a file's or folder's name stands for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from vistry.data.findings import Finding, FindingError
from vistry.data.readers.split_words import split_of_stem as split_of_stem
from vistry.data.readers.split_words import split_of_word as split_of_word
from vistry.data.table import UNASSIGNED


@dataclass(frozen=True)
class AnnotationFile:
    """A file of rows and the split it holds: an index into SPLITS, or UNASSIGNED."""

    path: Path
    split: int = UNASSIGNED


def has_annotation_files(path: Path, suffixes: tuple[str, ...]) -> bool:
    """Whether the path is a file with one of these suffixes, or a folder that holds one."""
    if path.is_file():
        return path.suffix.lower() in suffixes
    return bool(annotation_files(path, suffixes))


def annotation_files(path: Path, suffixes: tuple[str, ...]) -> list[AnnotationFile]:
    """The file itself, or in a folder those named for a split, or the only one.

    Empty where there is none; DataError where there are several and no name tells them apart.
    """
    if path.is_file():
        return [AnnotationFile(path)]
    files = sorted(file for file in path.iterdir() if _is_visible_file(file, suffixes))
    named = [AnnotationFile(file, split) for file in files if (split := split_of_stem(file.stem)) >= 0]
    if named:
        return named
    if len(files) > 1:
        names = ", ".join(file.name for file in files[:5])
        message = f"{len(files)} annotation files ({names}), none named train*, validation* or test*"
        raise FindingError(Finding.of("format-ambiguous", message, path))
    return [AnnotationFile(file) for file in files]


def _is_visible_file(path: Path, suffixes: tuple[str, ...]) -> bool:
    return path.suffix.lower() in suffixes and not path.name.startswith(".") and path.is_file()
