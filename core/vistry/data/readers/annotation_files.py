"""Which annotation files a data set has, and the split that a file's or folder's name stands for."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from vistry.data.findings import Finding, FindingError
from vistry.data.table import SPLITS, UNASSIGNED

_SPLIT_WORDS = {
    "train": "train",
    "training": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "test": "test",
    "testing": "test",
}
_LEADING_WORD = re.compile(r"[a-z]+")


@dataclass(frozen=True)
class AnnotationFile:
    """A file of rows and the split it holds: an index into SPLITS, or UNASSIGNED."""

    path: Path
    split: int = UNASSIGNED


def split_of_word(word: str) -> int:
    """The split that 'train', 'valid', 'Test' and the like stand for, or UNASSIGNED."""
    name = _SPLIT_WORDS.get(word.strip().lower())
    return UNASSIGNED if name is None else SPLITS.index(name)


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


def split_of_stem(stem: str) -> int:
    """The split that a file name such as 'train2017' or 'val_cleaned' begins with, or UNASSIGNED."""
    word = _LEADING_WORD.match(stem.lower())
    return UNASSIGNED if word is None else split_of_word(word[0])


def _is_visible_file(path: Path, suffixes: tuple[str, ...]) -> bool:
    return path.suffix.lower() in suffixes and not path.name.startswith(".") and path.is_file()
