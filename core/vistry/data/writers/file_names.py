"""Names for a file an image: the image's own, with as many of its folders as tell it from the others."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence

from vistry.errors import DataError


def names_of_files(images: Sequence[str]) -> list[str]:
    """A path without suffix for each image, no two alike but for case: x, else folder/x, else folder/x.jpg."""
    stems = [os.path.splitext(image)[0] for image in images]  # noqa: PTH122 - text: a million rows pass here
    names = [stem.rpartition("/")[2] for stem in stems]
    if _differ(names):
        return names
    common = os.path.commonpath([image.rpartition("/")[0] or "." for image in images]) if _alike(images) else ""
    prefix = f"{common}/" if common not in ("", ".") else ""
    below = [stem.removeprefix(prefix).lstrip("/") for stem in stems]
    repeated = Counter(map(str.casefold, below))
    return [
        name if repeated[name.casefold()] == 1 else image.removeprefix(prefix).lstrip("/")
        for name, image in zip(below, images, strict=True)
    ]


def refuse_shared(files: Sequence[str], images: Sequence[str]) -> None:
    """Raise DataError where two images have one annotation file, names that differ only in case counting as one."""
    by_file: dict[str, str] = {}
    for file, image in zip(files, images, strict=True):
        other = by_file.setdefault(file.casefold(), image)
        if other != image:
            raise DataError(f"{other} and {image} would share the file {file}; rename one of them")


def _differ(names: Sequence[str]) -> bool:
    return len(set(map(str.casefold, names))) == len(names)


def _alike(images: Sequence[str]) -> bool:
    """Whether all paths are absolute, or all are relative: only then they have folders in common."""
    return len({image.startswith("/") for image in images}) == 1
