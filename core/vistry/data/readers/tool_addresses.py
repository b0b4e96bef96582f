"""The images that labelling tools name by their own addresses, such as `/data/upload/1/0a1b2c3d-cat.jpg`."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from vistry.data.findings import Finding
from vistry.data.images.formats import IMAGE_SUFFIXES
from vistry.data.readers.finder import ImageFinder
from vistry.data.source import DataSource

# What Label Studio puts before the name of a file that is uploaded.
_UPLOAD = re.compile(r"[0-9a-f]{8}-(?=.)")
_ADDRESS = re.compile(r"https?://", re.IGNORECASE)


class ImageNames:
    """Finds the images that annotation files name, also by a labelling tool's address.

    An address on the network is never fetched: the image of its name below the data folder is taken, if there is one.
    """

    def __init__(self, source: DataSource):
        self._finder = ImageFinder(source)
        self._index = source.index

    def expect(self, file: Path, names: Iterable[str]) -> tuple[int, int]:
        """How many names of a sample there are, and how many of them are images here; see `ImageFinder.expect`."""
        sample = list(names)
        plain = [self._path(name) for name in sample]
        named, present = self._finder.expect(file, plain)
        if present == 0 and named:
            present = self._finder.expect(file, map(without_upload, plain))[1]
        return named, present

    def find(self, name: str, file: Path) -> str:
        """The absolute path of the image. Raises FindingError for a path that is refused or could mean several."""
        path = self._path(name)
        image = self._finder.find(path, file)
        plain = without_upload(path)
        if plain != path and not os.path.isfile(image):  # noqa: PTH113 - text: a million rows pass here
            image = self._finder.find(plain, file)
        if _ADDRESS.match(name) and not os.path.isfile(image):  # noqa: PTH113
            return self._finder.find(name, file)
        return image

    def _path(self, name: str) -> str:
        """The path that a name stands for; 'a' and 'a.jpg' are 'a.jpg.png' where that alone is there."""
        path = path_of_address(name)
        folder, slash, last = path.replace("\\", "/").rpartition("/")
        if self._index.named(last) or (_suffix(last) not in IMAGE_SUFFIXES and self._index.of_stem(last)):
            return path
        stems = [last] if _suffix(last) in IMAGE_SUFFIXES else [last + suffix for suffix in IMAGE_SUFFIXES]
        same = [image for stem in stems for image in self._index.of_stem(stem)]
        return folder + slash + same[0].rpartition("/")[2] if len(same) == 1 else path

    @property
    def remarks(self) -> list[Finding]:
        """A finding for each way in which images were found elsewhere than the annotations say, with their number."""
        return self._finder.remarks


def path_of_address(name: str) -> str:
    """The path in an address: what its query `d` names, as Label Studio's local files have it, else its own path."""
    if not (_ADDRESS.match(name) or "?d=" in name):
        return name
    parts = urlsplit(name)
    named = parse_qs(parts.query).get("d")
    return named[0] if named else unquote(parts.path)


def names_of(address: str) -> list[str]:
    """The paths that an image may have here, the likeliest first: of an upload without what was put before its name."""
    path = path_of_address(address).removeprefix("/data/local-files/").replace("\\", "/")
    plain = without_upload(path)
    names = [path] if plain == path else [plain, path, plain.rpartition("/")[2]]
    names += [unquote(name) for name in names if unquote(name) != name]
    is_local = "?d=" in address
    names = [name.lstrip("/") if "upload" in name or is_local else name for name in names]
    # A server may serve everything, so that the path that it is asked for begins at the root.
    return [*names, f"/{path.lstrip('/')}"] if is_local else names


def without_upload(path: str) -> str:
    """The path of a file before it was uploaded."""
    folder, slash, name = path.replace("\\", "/").rpartition("/")
    return folder + slash + _UPLOAD.sub("", name, count=1)


def _suffix(name: str) -> str:
    return os.path.splitext(name)[1].lower()  # noqa: PTH122
