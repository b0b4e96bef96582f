"""Where data comes from: the file or folder that the user names, how it is to be read, and the index of its files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from vistry.data.column_roles import ROLES
from vistry.data.index import FolderIndex
from vistry.data.readers.annotation_files import AnnotationFile
from vistry.data.readers.split_words import split_of_path
from vistry.errors import DataError, suggestion

# One folder or several, as a caller writes them.
Folders = str | Path | Iterable[str | Path]


@dataclass(frozen=True)
class ReadingOptions:
    """What the user says about how to read the data; empty is for Vistry to find out.

    `format`: the name of its format. `images`: folders in which images are looked for, too. `columns`: (role, name) of
    a table's columns, such as ("label", "species"). `classes_at`: which level of nested folders names the classes,
    from 1.
    """

    format: str | None = None
    images: tuple[Path, ...] = ()
    columns: tuple[tuple[str, str], ...] = ()
    classes_at: int | None = None

    @classmethod
    def of(
        cls,
        format: str | None = None,
        images: Folders = (),
        columns: Mapping[str, str] | None = None,
        classes_at: int | None = None,
    ) -> ReadingOptions:
        """The options as a caller writes them: one folder or several, and columns by role.

        Raises DataError for a role that there isn't.
        """
        if unknown := next((role for role in columns or () if role not in ROLES), None):
            raise DataError(f"columns: there is no role '{unknown}'; {suggestion(unknown, ROLES)}")
        folders = (images,) if isinstance(images, str | Path) else tuple(images)
        return cls(format, tuple(map(Path, folders)), tuple((columns or {}).items()), classes_at=classes_at)

    def given(self) -> dict[str, str]:
        """The options that are set, by the name that a format declares, each as it is typed."""
        columns = " ".join(f"--columns {role}={name}" for role, name in self.columns)
        typed = {
            "images": " ".join(f"--images {folder}" for folder in self.images),
            "columns": columns,
            "classes_at": "" if self.classes_at is None else f"--classes-at {self.classes_at}",
        }
        return {name: text for name, text in typed.items() if text}


# Files and folders of which a folder around the data may hold as many, to be searched for images.
MANY = 200_000
AS_RECOGNISED = ReadingOptions()


@dataclass(frozen=True)
class DataSource:
    """A data set as a reader gets it. `path` is what the user names: an annotation file, or a folder."""

    path: Path
    options: ReadingOptions = AS_RECOGNISED

    @cached_property
    def root(self) -> Path:
        """The data folder, absolute: the folder itself, or the one of the file."""
        return (self.path if self.path.is_dir() else self.path.parent).resolve()

    @cached_property
    def index(self) -> FolderIndex:
        """Every file below the data folder. Raises OSError where a folder can't be listed."""
        return FolderIndex.of(self.root)

    @cached_property
    def image_indexes(self) -> tuple[FolderIndex, ...]:
        """The indexes of the folders of `--images`."""
        return tuple(FolderIndex.of(folder.resolve()) for folder in self.options.images)

    @cached_property
    def surroundings(self) -> FolderIndex | None:
        """The index of the folder around the data folder, where that holds no image itself; else None.

        So an annotation file may lie beside the folder of its images; a data folder with images is complete. A folder
        around it that holds many files is none of a data set's alone.
        """
        above = self.root.parent
        if self.index.images or above in (self.root, Path.home(), *Path.home().parents):
            return None
        return FolderIndex.of_few(above, MANY)

    def files(self, suffixes: Sequence[str]) -> list[Path]:
        """The annotation files with one of these suffixes: the file that the user names, or all below the folder."""
        if self.path.is_dir():
            return [self.root / file for file in self.index.files(suffixes)]
        return [self.root / self.path.name] if self.path.suffix.lower() in suffixes else []

    def annotation_files(self, suffixes: Sequence[str]) -> list[AnnotationFile]:
        """The same files with the split that their names or folders below the data folder stand for."""
        return [AnnotationFile(file, split_of_path(self.relative(file))) for file in self.files(suffixes)]

    def relative(self, path: Path) -> str:
        """A path below the data folder from there, else the absolute path."""
        return str(path.relative_to(self.root)) if path.is_relative_to(self.root) else str(path)
