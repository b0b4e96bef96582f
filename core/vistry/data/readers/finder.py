"""Which image an annotation means: where the file says, else by the name, wherever it lies in the data folder."""

# ruff: noqa: PTH112, PTH113, PTH118, PTH122  # text and not Path objects: a million rows pass here

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import islice
from pathlib import Path
from urllib.parse import unquote

from vistry.data.findings import Finding, FindingError
from vistry.data.images.formats import IMAGE_SUFFIXES
from vistry.data.index import FolderIndex, folded
from vistry.data.readers.locations import is_inside, is_unicode
from vistry.data.source import DataSource

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://")
_LOCAL_SCHEMES = ("file", "azureml", "amldatastore", "gs", "s3")
# Names that are looked up before an annotation file is read, to tell whether its paths can be taken at their word.
SAMPLE = 200

Places = list[str]


class ImageFinder:
    """Finds the images that annotation files name, and remembers in what ways.

    A path is tried from the annotation file's folder, from the data folder and from those of `--images`; an absolute
    one is the user's word. Where these hold none of the images that a file names, an image is looked for by its name,
    without its suffix, and by its loose spelling, at any depth; of several the one with the longest tail in common,
    then the one nearest to the annotation file. Nothing is guessed between two.
    """

    def __init__(self, source: DataSource):
        self._source = source
        self._root = str(source.root)
        self._places: dict[tuple[str, str], Places] = {}
        self._reliable: set[tuple[str, str]] = set()
        self._ways: dict[str, list[tuple[str, str]]] = defaultdict(list)
        self._outside: list[tuple[str, str]] = []

    def expect(self, file: Path, names: Iterable[str]) -> tuple[int, int]:
        """How many of a sample of the names in an annotation file there are, and how many of them resolve.

        Where most are where the file says, its other paths are taken at their word: what isn't there is missing.
        """
        sample = [name for name in islice(names, SAMPLE) if name]
        near, direct, found = str(file.parent), 0, 0
        for name in sample:
            try:
                path = _plain(name)
            except FindingError:
                continue
            at_its_word = self._direct(path, near)
            direct += bool(at_its_word)
            found += bool(at_its_word or self._lookup(path, near)[1])
        if direct > len(sample) / 2:
            self._reliable.update((near, _plain(name).rpartition("/")[0]) for name in sample if _is_plain(name))
        return len(sample), found

    def find(self, name: str, file: Path) -> str:
        """The absolute path of the image that an annotation file names, which needn't exist.

        Raises FindingError without file and line for a path that is refused or could mean several images.
        """
        path, near = _plain(name), str(file.parent)
        image = self._direct(path, near)
        if image:
            return image
        folder = path.rpartition("/")[0]
        if (near, folder) not in self._reliable:
            way, candidates = self._lookup(path, near)
        else:
            way, candidates = self._in_its_place(path, near)
        if len(candidates) > 1:
            shown = " and ".join(sorted(candidates)[:2])
            raise FindingError(Finding.of("image-ambiguous", f"'{name}' may mean {shown}"))
        if candidates:
            moved = way == "image-elsewhere" and _is_absolute(path)
            self._ways["path-moved" if moved else way].append((name, candidates[0]))
            return candidates[0]
        return (self._folders(near, folder) or [self._absolute(near, folder)])[0] + "/" + path.rpartition("/")[2]

    def find_stem(self, stem: str, file: Path) -> str:
        """The image with an annotation file's own name but for the suffix; nothing where there is none or several."""
        _, candidates = self._lookup(stem, str(file.parent))
        return candidates[0] if len(candidates) == 1 else ""

    @property
    def remarks(self) -> list[Finding]:
        """A finding for each way in which images were found elsewhere than the annotations say, with their number."""
        findings = []
        for check, pairs in [*self._ways.items(), ("path-outside", self._outside)]:
            if not pairs:
                continue
            name, image = pairs[0]
            noun = "folder(s)" if check == "path-outside" else "image(s)"
            message = f"{len(pairs)} {noun} were found by {_WAYS[check]}, such as '{name}': {self._shown(image)}"
            findings.append(Finding.of(check, message, count=len(pairs)))
        return findings

    def _shown(self, image: str) -> str:
        return image.removeprefix(f"{self._root}/")

    def _direct(self, path: str, near: str) -> str:
        """The image where the path says, or nothing."""
        folder, _, name = path.rpartition("/")
        for place in self._folders(near, folder):
            image = f"{place}/{name}"
            if self._exists(image):
                return image
        return ""

    def _exists(self, image: str) -> bool:
        if image.startswith(f"{self._root}/") and image[len(self._root) + 1 :] in self._source.index.image_set:
            return True
        return os.path.isfile(image)

    def _folders(self, near: str, folder: str) -> Places:
        """The folders that a folder in an annotation can mean, of those that there are."""
        places = self._places.get((near, folder))
        if places is None:
            bases = (near, self._root, *(str(base.root) for base in self._source.image_indexes))
            candidates = [os.path.normpath(os.path.join(base, folder)) for base in bases]
            places = [place for place in dict.fromkeys(candidates) if os.path.isdir(place)]
            for place in places:
                if not is_inside(os.path.realpath(place), self._root) and not self._is_named(place):
                    self._outside.append((folder or ".", place))
            self._places[near, folder] = places
        return places

    def _is_named(self, place: str) -> bool:
        return any(is_inside(place, str(base.root)) for base in self._source.image_indexes)

    def _absolute(self, near: str, folder: str) -> str:
        return os.path.normpath(os.path.join(near, folder))

    def _lookup(self, path: str, near: str) -> tuple[str, Sequence[str]]:
        """The check that tells of the way, and the images that a path may mean, from the index."""
        for index in self._indexes():
            for way, candidates in _by_name(index, path.rpartition("/")[2]):
                if candidates:
                    chosen = _nearest(index, candidates, path, near=near)
                    return way, [f"{index.root}/{image}" for image in chosen]
        return "", ()

    def _in_its_place(self, path: str, near: str) -> tuple[str, Sequence[str]]:
        """Like `_lookup`, among the images of the very folder that the path names."""
        folder, _, name = path.rpartition("/")
        places = self._folders(near, folder)
        for way, candidates in _by_name(self._source.index, name):
            inside = [f"{self._root}/{image}" for image in candidates]
            if same := [image for image in inside if image.rpartition("/")[0] in places]:
                return way, same
        return "", ()

    def _indexes(self) -> Iterable[FolderIndex]:
        yield from self._source.image_indexes
        yield self._source.index
        around = self._source.surroundings
        if around is not None:
            yield around


_WAYS = {
    "image-elsewhere": "their names in other folders than the annotations say",
    "path-moved": "their names, because their absolute paths aren't here",
    "image-stem": "their names without a suffix",
    "image-substituted": "their names with another suffix than the annotations say",
    "image-spelling": "their names in another spelling (case, Unicode's normal form)",
    "path-outside": "paths that lead out of the data folder",
}


def _by_name(index: FolderIndex, name: str) -> Iterable[tuple[str, Sequence[str]]]:
    yield "image-elsewhere", index.named(name)
    plain = unquote(name)
    if plain != name:
        yield "image-elsewhere", index.named(plain.rpartition("/")[2])
    stem, suffix = os.path.splitext(name)
    if suffix.lower() not in IMAGE_SUFFIXES:
        yield "image-stem", index.of_stem(name)
    yield "image-spelling", index.alike(name)
    if suffix.lower() in IMAGE_SUFFIXES:
        yield "image-substituted", index.of_stem(stem)


def _nearest(index: FolderIndex, candidates: Sequence[str], path: str, near: str) -> Sequence[str]:
    """Of several candidates those with the longest tail in common with the path, of these those nearest to `near`."""
    if len(candidates) == 1:
        return candidates
    wanted = [folded(part) for part in path.split("/")[:-1]]
    best = _greatest(candidates, {image: _common(wanted[::-1], _folders(image)[::-1]) for image in candidates})
    here = os.path.relpath(near, index.root).split("/")
    return _greatest(best, {image: _common(here, image.split("/")[:-1]) for image in best})


def _greatest(candidates: Sequence[str], scores: dict[str, int]) -> list[str]:
    most = max(scores.values())
    return [image for image in candidates if scores[image] == most]


def _folders(image: str) -> list[str]:
    return [folded(part) for part in image.split("/")[:-1]]


def _common(first: Sequence[str], second: Sequence[str]) -> int:
    """How many parts two sequences begin with in common."""
    count = 0
    for one, other in zip(first, second, strict=False):
        if one != other:
            break
        count += 1
    return count


def _is_absolute(path: str) -> bool:
    return path.startswith("/") or path[1:3] == ":/"


def _is_plain(name: str) -> bool:
    try:
        return bool(_plain(name))
    except FindingError:
        return False


def _plain(name: str) -> str:
    """The path with '/' that an annotation names, from a path of any system or an address of a file.

    Raises FindingError for what names no file here.
    """
    if not is_unicode(name):
        raise FindingError(Finding.of("name-encoding", f"the path {name!r} is not valid Unicode"))
    scheme = _SCHEME.match(name)
    if scheme is not None:
        if scheme[1].lower() not in _LOCAL_SCHEMES:
            raise FindingError(Finding.of("path-remote", f"'{name}' is on the network, and Vistry downloads no images"))
        name = "/" + name[scheme.end() :].partition("/")[2]
    path = name.replace("\\", "/")
    if path.rpartition("/")[2] in ("", ".", "..") or "\0" in path:
        raise FindingError(Finding.of("field-missing", f"'{name}' doesn't name an image file"))
    return path.removeprefix("./")
