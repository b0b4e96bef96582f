"""The split of each image that lists such as ImageSets/Main/train.txt name."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from vistry.data.index import FolderIndex
from vistry.data.readers.split_words import split_of_word
from vistry.data.table import UNASSIGNED

SETS = "ImageSets"


@dataclass(frozen=True)
class ListedSplits:
    """The splits of names without suffix, by the folder that their lists are about."""

    by_folder: dict[str, dict[str, int]]

    @classmethod
    def of(cls, index: FolderIndex, kind: str) -> ListedSplits:
        """The lists in ImageSets/`kind` of each folder, where there are none those in ImageSets/Main or beside."""
        lists = [file for file in index.files([".txt"]) if SETS in file.split("/")[:-1]]
        by_folder: dict[str, dict[str, int]] = {}
        for folder in dict.fromkeys(_before_sets(file) for file in lists):
            below = f"{folder}/{SETS}/" if folder else f"{SETS}/"
            for place in (f"{below}{kind}/", f"{below}Main/", below):
                splits = dict(_splits(index.root, [file for file in lists if file.rpartition("/")[0] + "/" == place]))
                if splits:
                    by_folder[folder] = splits
                    break
        return cls(by_folder)

    def of_file(self, path: str) -> int:
        """The split of an annotation file by its path from the data folder; UNASSIGNED where no list has it."""
        folders, _, name = path.rpartition("/")
        stem = name.rpartition(".")[0]
        parts = folders.split("/") if folders else []
        for depth in range(len(parts), -1, -1):
            splits = self.by_folder.get("/".join(parts[:depth]))
            if splits is not None:
                below = "/".join([*parts[depth + 1 :], stem])
                return splits.get(below, splits.get(stem, UNASSIGNED))
        return UNASSIGNED


def _before_sets(file: str) -> str:
    parts = file.split("/")
    return "/".join(parts[: parts.index(SETS)])


def _splits(root: Path, lists: list[str]) -> Iterator[tuple[str, int]]:
    for file in lists:
        split = split_of_word(Path(file).stem)
        if split != UNASSIGNED:
            for line in (root / file).read_text(encoding="utf-8-sig", errors="replace").splitlines():
                yield from ((name, split) for name in _listed(line))


def _listed(line: str) -> Iterator[str]:
    """The names that a line lists: all of it, and its first word, which a class's lists follow with 1 or -1."""
    name = line.strip()
    if name:
        yield name
        yield name.split()[0]
