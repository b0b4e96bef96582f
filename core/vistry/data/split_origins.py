"""How rows are divided into splits, and where that comes from: a folder's name, a file of its own, rows of a file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vistry.data.readers.split_words import split_of_stem, split_of_word, words_of
from vistry.data.table import SPLITS, Table

# Rows of a split to look at: what holds for these holds for all.
SAMPLE = 200
# As a training does it where nothing else is asked for.
FRACTION, SEED = 0.2, 0


@dataclass(frozen=True)
class Division:
    """The numbers of rows that train and validate, and how they came apart.

    `fraction` and `seed` are those of a draw, where the data assigns no validation rows. `apart`: where the validation
    images are, if the data isn't it. `about`: whether the numbers are expected ones.
    """

    training: int
    validation: int
    fraction: float = FRACTION
    seed: int = SEED
    apart: str = ""
    about: bool = False

    @classmethod
    def expected(cls, table: Table) -> Division:
        """How a training would divide these rows by default."""
        validation, test = len(table.rows_of("validation")), len(table.rows_of("test"))
        rest = len(table) - validation - test
        if validation or rest < 2:
            return cls(rest, validation)
        drawn = max(1, round(FRACTION * rest))
        return cls(rest - drawn, drawn, about=True)

    @property
    def how_drawn(self) -> str:
        """The draw in words."""
        return f"{100 * self.fraction:.4g} % drawn by class, seed {self.seed}"

    def origins(self, table: Table) -> dict[str, str]:
        """For each split that has rows, in words what assigns them to it."""
        given = split_origins(table)
        words = {}
        if self.training:
            words["train"] = given.get("train", "all others")
        if self.validation:
            words["validation"] = self.apart or given.get("validation", self.how_drawn)
        return words | {name: how for name, how in given.items() if name == "test"}

    def lines(self, table: Table) -> list[str]:
        """A line for each split that has rows: its name, how many, and what assigns them."""
        counts = {"train": self.training, "validation": self.validation, "test": len(table.rows_of("test"))}
        about = "about " if self.about else ""
        return [
            f"{NAMES[name]}: {'' if name == 'test' else about}{_images(counts[name])}, {words}"
            for name, words in self.origins(table).items()
        ]


NAMES = {"train": "training", "validation": "validation", "test": "test, not used"}


def _images(count: int) -> str:
    return f"{count:,} {'image' if count == 1 else 'images'}"


def split_origins(table: Table) -> dict[str, str]:
    """For each split that the data assigns rows to, in words what assigns them: "given by the folder train/"."""
    return {name: _origin(table, split) for split, name in enumerate(SPLITS) if np.any(table.split == split)}


def _origin(table: Table, split: int) -> str:
    rows = np.flatnonzero(table.split == split)
    rows = rows[:: max(1, len(rows) // SAMPLE)]
    files = sorted({table.files[at] for at in table.file_of[rows].tolist()}) if table.files else []
    folders = {folder for row in rows.tolist() if (folder := _folder_of(table, Path(table.images[row]), split))}
    named = [file for file in files if split_of_stem(file.stem) == split]
    if files and named == files:
        return (
            f"given by the file {_below(table.root, files[0])}"
            if len(files) == 1
            else f"given by {len(files)} files named for it"
        )
    in_folders = {folder for file in files if (folder := _folder_of(table, file, split))}
    if len(in_folders) == 1 or len(folders) == 1:
        return f"given by the folder {(in_folders if len(in_folders) == 1 else folders).pop()}/"
    if folders:
        return f"given by folders such as {min(folders)}/"
    if len(files) == 1 and not np.all(table.split == split):
        return f"given by the rows of {_below(table.root, files[0])}"
    return f"given by the data ({table.format})"


def _folder_of(table: Table, path: Path, split: int) -> str:
    """The folder below the data folder that is named for the split and holds the file, "" where there is none."""
    parts = _below(table.root, path).split("/")[:-1]
    at = next((at for at, part in enumerate(parts) if _names(part, split)), None)
    return "" if at is None else "/".join(parts[: at + 1])


def _names(part: str, split: int) -> bool:
    return any(split_of_word(word) == split for word in (part, *words_of(part)))


def _below(root: Path, path: Path) -> str:
    text, folder = path.as_posix(), root.as_posix().rstrip("/") + "/"
    return text.removeprefix(folder)
