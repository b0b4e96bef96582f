"""Which image an annotation means: where the file says, else by the name, wherever it lies in the data folder."""

# ruff: noqa: PTH112, PTH113, PTH118, PTH122  # text and not Path objects: a million rows pass here

from __future__ import annotations

import os
import re
from collections import Counter, defaultdict
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import islice
from pathlib import Path
from urllib.parse import unquote

from vistry.data.findings import Finding, FindingError
from vistry.data.images.formats import IMAGE_SUFFIXES
from vistry.data.index import FolderIndex, folded
from vistry.data.readers.locations import is_inside, is_unicode
from vistry.data.readers.split_words import split_of_folders, split_of_stem
from vistry.data.source import DataSource
from vistry.data.table import UNASSIGNED

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://")
_LOCAL_SCHEMES = ("file", "azureml", "amldatastore", "gs", "s3", "wasb", "wasbs", "abfs", "abfss")
# Names that are looked up before an annotation file is read, to tell whether its paths can be taken at their word.
SAMPLE = 200
# What COCO's own files have before the name of the folder of their images.
_PREFIX = "instances_"

Places = list[str]


@dataclass(frozen=True)
class _Neighbourhood:
    """Where an annotation file is: its folder, the split that it stands for, and its path as lists of names."""

    folder: str
    split: int
    paths: tuple[list[str], ...]


class ImageFinder:
    """Finds the images that annotation files name, and remembers in what ways.

    A path is tried from the annotation file's folder, from the data folder and from those of `--images`; an absolute
    one is the user's word. Where these hold none of the images that a file names, an image is looked for by its name,
    without its suffix, and by its loose spelling, at any depth. An image in a folder of another split than the path or
    the annotation file names is not it. Of several it is the one with the longest tail in common, then the one in a
    folder of the same split, then the one nearest to the annotation file, then the one in the folder of most of the
    file's other images. Nothing is guessed between two, and an image
    that one name of a file means is not taken for another.

    `without`: names of folders that hold no images of the data set, such as those of masks. `a_file_an_image`: the
    annotation files describe one image each, so that their own names say nothing about splits. `also`: images that lie
    elsewhere and are known to belong to the data set.
    """

    def __init__(
        self,
        source: DataSource,
        *,
        without: Container[str] = (),
        a_file_an_image: bool = False,
        also: Sequence[FolderIndex] = (),
    ):
        self._source = source
        self._also = also
        self._root = str(source.root)
        self._without = without
        self._a_file_an_image = a_file_an_image
        self._places: dict[tuple[str, str], Places] = {}
        self._neighbourhoods: dict[Path, _Neighbourhood] = {}
        self._reliable: set[tuple[str, str]] = set()
        self._meant: dict[tuple[str, str], str] = {}
        self._ways: dict[str, list[tuple[str, str]]] = defaultdict(list)
        self._outside: Counter[str] = Counter()
        self._home: dict[Path, str] = {}

    def expect(self, file: Path, names: Iterable[str]) -> tuple[int, int]:
        """How many of a sample of the names in an annotation file there are, and how many of them resolve.

        Where most are where the file says, its other paths are taken at their word: what isn't there is missing.
        """
        sample = [name for name in islice(names, SAMPLE) if name]
        near, direct, present = str(file.parent), 0, 0
        folders: Counter[str] = Counter()
        for name in sample:
            try:
                path = _plain(name)
            except FindingError:
                continue
            at_its_word = self._direct(path, near)
            direct += bool(at_its_word)
            candidates = [at_its_word] if at_its_word else self._lookup(path, file)[1]
            present += bool(candidates)
            folders.update(image.rpartition("/")[0] for image in candidates[:1] if len(candidates) == 1)
        for folder, count in folders.most_common(1):
            if count > len(sample) / 2:
                self._home[file] = folder
        if direct > len(sample) / 2:
            self._reliable.update((near, _plain(name).rpartition("/")[0]) for name in sample if _is_plain(name))
        return len(sample), present

    def is_there(self, name: str, file: Path) -> bool:
        """Whether the name in an annotation file leads to one image, without a remark on how."""
        if not _is_plain(name):
            return False
        path = _plain(name)
        return bool(self._direct(path, str(file.parent))) or len(self._lookup(path, file)[1]) == 1

    def find(self, name: str, file: Path) -> str:
        """The absolute path of the image that an annotation file names, which needn't exist.

        Raises FindingError without file and line for a path that is refused or could mean several images.
        """
        path, near = _plain(name), str(file.parent)
        image = self._direct(path, near)
        if image:
            self._note_direct(image, name, file)
            return image
        folder = path.rpartition("/")[0]
        if (near, folder) not in self._reliable:
            way, candidates = self._lookup(path, file)
        else:
            way, candidates = self._in_its_place(path, near)
        if len(candidates) > 1:
            shown = " and ".join(self._shown(image) for image in sorted(candidates)[:2])
            raise FindingError(Finding.of("image-ambiguous", f"'{name}' may mean {shown}"))
        if candidates:
            self._note_lookup(candidates[0], name, file)
            moved = way == "image-elsewhere" and _is_absolute(path)
            self._ways["path-moved" if moved else way].append((name, candidates[0]))
            return candidates[0]
        return (self._folders(near, folder) or [self._absolute(near, folder)])[0] + "/" + path.rpartition("/")[2]

    def find_stem(self, stem: str, file: Path) -> str:
        """The image with an annotation file's own name but for the suffix; nothing where there is none or several."""
        candidates = self.of_stem(stem, file)
        return candidates[0] if len(candidates) == 1 else ""

    def of_stem(self, stem: str, file: Path) -> list[str]:
        """The images that an annotation file's own name may mean, but for the suffix: one, none, or equally near."""
        if not is_unicode(stem):
            return []
        for index in self._indexes():
            for candidates in _by_stem(index, stem):
                if chosen := self._choose(index, candidates, "", file=file):
                    return chosen
        return []

    @property
    def remarks(self) -> list[Finding]:
        """A finding for each way in which images were found elsewhere than the annotations say, with their number."""
        findings = []
        for check, pairs in self._ways.items():
            name, image = pairs[0]
            message = f"{len(pairs)} image(s) were found by {_WAYS[check]}, such as '{name}': {self._shown(image)}"
            findings.append(Finding.of(check, message, count=len(pairs)))
        if self._outside:
            count, place = self._outside.total(), next(iter(self._outside))
            message = f"{count} image(s) lie outside the data folder, the first of them in {place}"
            findings.append(Finding.of("path-outside", message, count=count))
        return findings

    def _shown(self, image: str) -> str:
        return image.removeprefix(f"{self._root}/")

    def _note_direct(self, image: str, name: str, file: Path) -> None:
        """Remember what a name means. Raises FindingError where another one was looked up and led to the same image."""
        other = self._meant.get((str(file), image))
        if other is not None and other != name:
            message = f"'{other}', which isn't there, was taken for {self._shown(image)}, but '{name}' means it"
            raise FindingError(Finding.of("image-ambiguous", message))
        self._note_place(image)

    def _note_place(self, image: str) -> None:
        """Count an image that is in none of the folders that the user named."""
        place = image.rpartition("/")[0]
        if not image.startswith(f"{self._root}/") and not self._is_named(place):
            self._outside[place] += 1

    def _note_lookup(self, image: str, name: str, file: Path) -> None:
        other = self._meant.setdefault((str(file), image), name)
        if other != name:
            message = f"'{name}' isn't there, and {self._shown(image)}, the only image of its name, is '{other}'"
            raise FindingError(Finding.of("image-ambiguous", message))
        self._note_place(image)

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
            candidates = [
                os.path.normpath(os.path.join(base, plain)) for plain in (folder, unquote(folder)) for base in bases
            ]
            places = [place for place in dict.fromkeys(candidates) if os.path.isdir(place)]
            self._places[near, folder] = places
        return places

    def _is_named(self, place: str) -> bool:
        return any(is_inside(place, str(base.root)) for base in self._source.image_indexes)

    def _absolute(self, near: str, folder: str) -> str:
        return os.path.normpath(os.path.join(near, folder))

    def _lookup(self, path: str, file: Path) -> tuple[str, Sequence[str]]:
        """The check that tells of the way, and the images that a path may mean, from the index."""
        for index in self._indexes():
            for way, candidates in _by_name(index, path.rpartition("/")[2]):
                if chosen := self._choose(index, candidates, path, file=file):
                    return way, chosen
        return "", ()

    def _choose(self, index: FolderIndex, candidates: Sequence[str], path: str, file: Path) -> list[str]:
        """Of the candidates in an index those that a path can mean best, as absolute paths."""
        if not candidates:
            return []
        around = self._neighbourhood(file)
        folder = path.rpartition("/")[0]
        # Of a path of another machine the nearest folders belong to the data set, the others to the machine.
        split = _split("/".join(folder.split("/")[-2:]) if _is_absolute(path) else folder)
        if split == UNASSIGNED:
            split = around.split
        left = [
            image
            for image in candidates
            if split == UNASSIGNED or _split(image.rpartition("/")[0]) in (split, UNASSIGNED)
            if not self._is_set_aside(image)
        ]
        if len(left) > 1:
            left = _nearest(left, folder, split, around=around.paths)
        images = [f"{index.root}/{image}" for image in left]
        if len(images) > 1 and (home := self._home.get(file)):
            images = [image for image in images if image.rpartition("/")[0] == home] or images
        return images

    def _is_set_aside(self, image: str) -> bool:
        return bool(self._without) and any(name in self._without for name in image.split("/")[:-1])

    def _neighbourhood(self, file: Path) -> _Neighbourhood:
        known = self._neighbourhoods.get(file)
        if known is None:
            relative = os.path.relpath(file, self._root)
            folders = _names(relative)
            split, paths = _split(relative.rpartition("/")[0]), [folders]
            if not self._a_file_an_image:
                paths += [[*folders, folded(file.stem)], [*folders, folded(file.stem.removeprefix(_PREFIX))]]
                split = split_of_stem(file.stem.removeprefix(_PREFIX)) if split == UNASSIGNED else split
            known = self._neighbourhoods[file] = _Neighbourhood(str(file.parent), split, tuple(paths))
        return known

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
        yield from self._also
        yield self._source.index
        if self._surroundings is not None:
            yield self._surroundings

    @cached_property
    def _surroundings(self) -> FolderIndex | None:
        """The index of what lies around the data folder, if it can be listed: nothing there needs to be ours."""
        try:
            return self._source.surroundings
        except OSError:
            return None


_WAYS = {
    "image-elsewhere": "their names in other folders than the annotations say",
    "path-moved": "their names, because their absolute paths aren't here",
    "image-stem": "their names without a suffix",
    "image-substituted": "their names with another suffix than the annotations say",
    "image-spelling": "their names in another spelling (case, Unicode's normal form)",
}


def _by_name(index: FolderIndex, name: str) -> Iterable[tuple[str, Sequence[str]]]:
    yield "image-elsewhere", index.named(name)
    plain = unquote(name)
    if plain != name:
        yield "image-elsewhere", index.named(plain.rpartition("/")[2])
    stem, suffix = os.path.splitext(name)
    if suffix.lower() not in IMAGE_SUFFIXES:
        yield from (("image-stem", candidates) for candidates in _by_stem(index, name))
    yield "image-spelling", index.alike(name)
    if suffix.lower() in IMAGE_SUFFIXES:
        yield "image-substituted", index.of_stem(stem)


def _by_stem(index: FolderIndex, stem: str) -> Iterable[Sequence[str]]:
    """The images of this stem, then those with two suffixes, then those that spell it in another way."""
    yield index.of_stem(stem)
    yield [image for suffix in IMAGE_SUFFIXES for image in index.of_stem(stem + suffix)]
    # A stem may end with a suffix itself: x.jpg.xml is about x.jpg.
    if os.path.splitext(stem)[1].lower() in IMAGE_SUFFIXES:
        yield index.named(stem)
    yield [image for suffix in IMAGE_SUFFIXES for image in index.alike(stem + suffix)]


def _nearest(candidates: Sequence[str], folder: str, split: int, around: Sequence[list[str]]) -> list[str]:
    """Those with the longest tail in common with a folder, of these those of a split, of these the nearest."""
    wanted = [folded(part) for part in folder.split("/")][::-1]
    best = _greatest(candidates, {image: _common(wanted, _names(image)[::-1]) for image in candidates})
    if len(best) > 1 and split != UNASSIGNED:
        best = _greatest(best, {image: _split(image.rpartition("/")[0]) == split for image in best})
    if len(best) > 1:
        best = _greatest(best, {image: max(_likeness(path, _names(image)) for path in around) for image in best})
    return best


def _likeness(one: Sequence[str], other: Sequence[str]) -> int:
    """How many names two paths of folders begin and end with in common."""
    start = _common(one, other)
    return start + _common(one[start:][::-1], other[start:][::-1])


def _greatest(candidates: Sequence[str], scores: dict[str, int]) -> list[str]:
    most = max(scores[image] for image in candidates)
    return [image for image in candidates if scores[image] == most]


def _names(path: str) -> list[str]:
    """The folders of a path, in loose spelling."""
    return [folded(part) for part in path.split("/")[:-1]]


@lru_cache(maxsize=4096)
def _split(folder: str) -> int:
    """The split that a path of folders stands for, or UNASSIGNED."""
    return split_of_folders(folder.split("/"))


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
