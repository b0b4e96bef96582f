"""The folder that the image names of an annotation file belong to."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from itertools import islice
from pathlib import Path

from vistry.data.readers.locations import is_inside

# Image names that are looked for in each folder.
SAMPLE = 50


def prefix_of_images(root: Path, folders: Iterable[Path], names: Sequence[str]) -> str:
    """The prefix that leads from the root to the images: the first of the folders that holds one of the names.

    Empty where none does, or where the names already are paths from the root.
    """
    sample = [name for name in islice(names, SAMPLE) if not name.startswith("/") and "://" not in name]
    for folder in folders:
        place = os.path.normpath(folder)
        if is_inside(place, str(root)) and any((folder / name).is_file() for name in sample):
            prefix = os.path.relpath(place, root)
            return "" if prefix == "." else f"{prefix}/"
    return ""
