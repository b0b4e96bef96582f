"""An index of a data folder: every file below it, listed once, and its images by name, stem and loose spelling."""

from __future__ import annotations

import os
import unicodedata
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from pathlib import Path

from vistry.data.findings import Finding
from vistry.data.images.formats import is_image_file
from vistry.data.readers.locations import is_inside, is_unicode

Entry = os.DirEntry[str]


def folded(text: str) -> str:
    """A name without the differences of case and of Unicode's normal forms."""
    return unicodedata.normalize("NFC", text).casefold()


@dataclass
class FolderIndex:
    """The files below a folder, as paths relative to it with '/', in the order of names.

    Hidden files, names that aren't Unicode and links to folders elsewhere are passed over; `passed` has their absolute
    paths by the id of the check that tells of them, `links` a finding for each such link.
    """

    root: Path
    images: list[str] = field(default_factory=list)
    others: list[str] = field(default_factory=list)
    folders: list[str] = field(default_factory=list)
    passed: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    links: list[Finding] = field(default_factory=list)

    @classmethod
    def of(cls, root: Path) -> FolderIndex:
        """List everything below a folder. Raises OSError where it can't be listed."""
        index = cls(root)
        for _ in index._walk(str(root), ""):
            pass
        return index

    @classmethod
    def of_few(cls, root: Path, limit: int) -> FolderIndex | None:
        """The same, but None where there are more files and folders than the limit."""
        index = cls(root)
        return index if sum(1 for _ in islice(index._walk(str(root), ""), limit + 1)) <= limit else None

    def without(self, images: Collection[str]) -> FolderIndex:
        """The index of the same files but for some images."""
        left = [image for image in self.images if image not in images]
        return FolderIndex(self.root, left, self.others, folders=self.folders, passed=self.passed, links=self.links)

    def files(self, suffixes: Sequence[str]) -> list[str]:
        """The files with one of these suffixes, in lower case and with their dot."""
        return [file for suffix in suffixes for file in self._by_suffix.get(suffix, ())]

    def named(self, name: str) -> Sequence[str]:
        """The images of this name, in any folder."""
        return self._by_name.get(name, ())

    def of_stem(self, stem: str) -> Sequence[str]:
        """The images whose name without its suffix is this."""
        return self._by_stem.get(stem, ())

    def alike(self, name: str) -> Sequence[str]:
        """The images of this name but for its case and normal form."""
        return self._by_folded.get(folded(name), ())

    @cached_property
    def images_in(self) -> dict[str, int]:
        """How many images lie in each folder itself, for those that have some."""
        counts: dict[str, int] = defaultdict(int)
        for image in self.images:
            counts[image.rpartition("/")[0]] += 1
        return dict(counts)

    @cached_property
    def image_set(self) -> frozenset[str]:
        """The images, for asking whether one is there."""
        return frozenset(self.images)

    @cached_property
    def _by_suffix(self) -> dict[str, list[str]]:
        files = defaultdict(list)
        for file in self.others:
            files[os.path.splitext(file)[1].lower()].append(file)  # noqa: PTH122 - text: a million files pass here
        return files

    @cached_property
    def _by_name(self) -> dict[str, list[str]]:
        files = defaultdict(list)
        for image in self.images:
            files[image.rpartition("/")[2]].append(image)
        return files

    @cached_property
    def _by_stem(self) -> dict[str, list[str]]:
        files = defaultdict(list)
        for image in self.images:
            files[os.path.splitext(image)[0].rpartition("/")[2]].append(image)  # noqa: PTH122
        return files

    @cached_property
    def _by_folded(self) -> dict[str, list[str]]:
        files = defaultdict(list)
        for image in self.images:
            files[folded(image.rpartition("/")[2])].append(image)
        return files

    def _walk(self, folder: str, prefix: str) -> Iterator[str]:
        """Yield each file and folder once it is in the index."""
        for entry in self._entries(folder):
            path = f"{prefix}{entry.name}"
            if entry.is_dir():
                if self._may_enter(entry):
                    self.folders.append(path)
                    yield path
                    yield from self._walk(entry.path, f"{path}/")
                continue
            (self.images if is_image_file(entry.path) else self.others).append(path)
            yield path

    def _entries(self, folder: str) -> Iterator[Entry]:
        with os.scandir(folder) as listing:
            entries = sorted(listing, key=lambda entry: entry.name)
        for entry in entries:
            if not is_unicode(entry.name):
                self.passed["name-encoding"].append(ascii(entry.path))
            elif entry.name.startswith(".") or entry.name == "__MACOSX":
                self.passed["file-hidden"].append(entry.path)
            else:
                yield entry

    def _may_enter(self, folder: Entry) -> bool:
        """Whether a folder is real, or a link to one inside the root that is not above it."""
        if not folder.is_symlink():
            return True
        target = os.path.realpath(folder.path)
        if is_inside(target, str(self.root)):
            return not is_inside(folder.path, target)
        message = f"the folder is a link to {target}, out of the data folder {self.root}"
        self.links.append(Finding.of("path-escape", message, folder.path))
        return False
