"""Which image each annotation file is about, where a data set has a file an image: the one of its own name."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from vistry.data.readers.finder import ImageFinder


@dataclass(frozen=True)
class StemPairs:
    """The image of each file that has one, and of the others those that may mean several images, equally near."""

    images: dict[Path, str]
    ambiguous: dict[Path, list[str]]


def pair_by_stem(files: Iterable[Path], finder: ImageFinder) -> StemPairs:
    """Pair files with images of their names.

    A file of one folder isn't paired with an image that belongs to another's files: where a/1.txt lost its image,
    b/1.jpg isn't it.
    """
    images, ambiguous = {}, {}
    for file in files:
        candidates = finder.of_stem(file.stem, file)
        if len(candidates) == 1:
            images[file] = candidates[0]
        elif candidates:
            ambiguous[file] = candidates
    strays = _strays(images)
    return StemPairs({file: image for file, image in images.items() if file not in strays}, ambiguous)


def _strays(images: dict[Path, str]) -> set[Path]:
    """The files whose images lie where neither most of their folder's do, nor most of the images' files are theirs."""
    to_images: dict[Path, Counter[str]] = defaultdict(Counter)
    to_files: dict[str, Counter[Path]] = defaultdict(Counter)
    for file, image in images.items():
        folder = image.rpartition("/")[0]
        to_images[file.parent][folder] += 1
        to_files[folder][file.parent] += 1
    image_home = {folder: counts.most_common(1)[0][0] for folder, counts in to_images.items()}
    file_home = {folder: counts.most_common(1)[0][0] for folder, counts in to_files.items()}
    return {
        file
        for file, image in images.items()
        if image_home[file.parent] != (folder := image.rpartition("/")[0]) and file_home[folder] != file.parent
    }
