"""The images in the files and folders that a user names."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from vistry.data.images.formats import is_image_file
from vistry.errors import DataError


def image_files(paths: Iterable[str | Path]) -> list[Path]:
    """Return the files named, and the images in the folders named, sorted.

    Raises DataError for a path that can't be read.
    """
    images: list[Path] = []
    for path in map(Path, paths):
        if path.is_dir():
            images += sorted(_images_in(path))
        elif path.exists():
            images.append(path)
        else:
            raise DataError(f"{path}: no such file or folder")
    if not images:
        raise DataError("no images to predict; name image files, or a folder with some")
    return images


def _images_in(folder: Path) -> Iterator[Path]:
    """Yield the images in a folder and its subfolders, except hidden ones."""
    for parent, inner, files in os.walk(folder, onerror=_unreadable):
        inner[:] = [name for name in inner if not name.startswith(".")]
        # os.path.join and strings: a Path for each of a million files takes seconds.
        visible = (os.path.join(parent, name) for name in files if not name.startswith("."))  # noqa: PTH118
        yield from map(Path, filter(is_image_file, visible))


def _unreadable(error: OSError) -> None:
    raise DataError(f"{error.filename}: can't be read: {error.strerror}") from error
