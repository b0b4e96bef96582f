"""Tables whose rows are about images: their header, and which of their columns names the image."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path, PurePosixPath

from vistry.data.findings import Finding, FindingError
from vistry.data.images.formats import IMAGE_SUFFIXES
from vistry.data.readers.annotation_files import AnnotationFile
from vistry.data.readers.delimited import SUFFIXES, Row, rows_of
from vistry.data.readers.split_words import split_of_word
from vistry.data.readers.tool_addresses import ImageNames
from vistry.data.source import DataSource
from vistry.data.table import UNASSIGNED

# Rows that are looked at to tell what a table is.
SAMPLE = 200
# Columns of a wider table than this are looked at by their names only.
MAX_COLUMNS = 40
IMAGE_NAMES = (
    *("image", "imageurl", "imagepath", "imagename", "imagefile", "imagefilename", "imageid", "imageindex"),
    *("img", "imgpath", "imgname", "imgid", "path", "paths", "file", "filename", "filenames", "filepath", "filepaths"),
    *("fname", "picture", "photo"),
)
WEAK_IMAGE_NAMES = ("id", "name", "url", "uri", "src")
SPLIT_NAMES = ("split", "splits", "subset", "partition")
# Columns of these names are one for splits where every cell is a word for one.
WEAK_SPLIT_NAMES = ("set", "dataset", "usage", "phase", "fold")


@dataclass(frozen=True)
class Sheet:
    """A delimited file with the split that it stands for, its header, and a sample of the rows below it.

    `header`: names as written, empty where the first row is data. `image`: the column that names images, None where
    there is none. `named` and `present`: how many images a sample names, and how many of these there are.
    """

    file: AnnotationFile
    header: tuple[str, ...]
    sample: tuple[Row, ...]
    image: int | None = None
    named: int = 0
    present: int = 0

    @property
    def path(self) -> Path:
        """The file's."""
        return self.file.path

    @property
    def width(self) -> int:
        """How many columns there are."""
        return len(self.header) or max((len(row) for _, row in self.sample), default=0)

    @property
    def plain_header(self) -> list[str]:
        """The names of the columns without case, spaces and signs: 'XMin' and 'x_min' are one."""
        return [plain(name) for name in self.header]

    def cells(self, at: int) -> list[str]:
        """The cells of a column in the sample."""
        return [row[at] for _, row in self.sample if at < len(row)]

    def rows(self) -> Iterator[Row]:
        """Every row of the file below its header."""
        return islice(rows_of(self.path), 1 if self.header else 0, None)

    def declared(self, role: str, name: str) -> int:
        """The column that the user names for a role. Raises FindingError that lists the columns."""
        if name in self.header:
            return self.header.index(name)
        spelled = [cell.lower() for cell in self.header]
        if name.lower() in spelled:
            return spelled.index(name.lower())
        listed = ", ".join(self.header[:MAX_COLUMNS]) or "no names in its first line"
        message = f"no column '{name}' for the {role}; the table has {listed}"
        raise FindingError(Finding.of("field-missing", message, self.path, line=1).advising("name one of its columns"))

    def lacks(self, roles: Mapping[str, str]) -> bool:
        """Whether a column that the user names isn't in the table."""
        names = {cell.lower() for cell in self.header}
        return any(name.lower() not in names for name in roles.values())


def plain(name: str) -> str:
    """A column's name without case, spaces and signs."""
    return re.sub(r"[\W_]+", "", name.lower())


def looks_like_image(cell: str) -> bool:
    """Whether a cell is the name, path or address of a file with an image's suffix."""
    return PurePosixPath(cell.partition("?")[0] or cell).suffix.lower() in IMAGE_SUFFIXES or (
        "?d=" in cell and PurePosixPath(cell).suffix.lower() in IMAGE_SUFFIXES
    )


def is_named(source: DataSource, suffixes: Sequence[str]) -> bool:
    """Whether the user names a file of a format, by a suffix or by the format's name."""
    return source.path.suffix.lower() in suffixes or source.options.format is not None


def sheets(source: DataSource, names: ImageNames) -> list[Sheet]:
    """The tables of a data set: the one that the user names, or those below the folder that can be read."""
    if not source.path.is_dir():
        return [open_sheet(AnnotationFile(source.root / source.path.name), names, source)]
    tables = []
    for file in source.annotation_files(SUFFIXES):
        try:
            tables.append(open_sheet(file, names, source))
        except FindingError:  # not a table in UTF-8, so not one of images as far as can be told
            continue
    declared = dict(source.options.columns)
    having = [table for table in tables if not table.lacks(declared)]
    if declared and tables and not having:
        role, name = next(iter(declared.items()))
        tables[0].declared(role, name)
    return having


def open_sheet(file: AnnotationFile, names: ImageNames, source: DataSource) -> Sheet:
    """Look at the first rows of a file. Raises FindingError for what isn't CSV, or lacks a column the user names."""
    rows = list(islice(rows_of(file.path), SAMPLE + 1))
    if not rows:
        return Sheet(file, (), ())
    sheet = _headed(file, rows, names)
    declared = dict(source.options.columns).get("image")
    if declared is not None and (source.path.is_file() or not sheet.lacks({"image": declared})):
        at = sheet.declared("image", declared)
        named, present = names.expect(file.path, filter(None, sheet.cells(at)))
        return replace(sheet, image=at, named=named, present=present)
    return _with_images(sheet, names)


def _headed(file: AnnotationFile, rows: list[Row], names: ImageNames) -> Sheet:
    """The sheet with its header, if the first row is one."""
    first = rows[0][1]
    known = {*IMAGE_NAMES, *WEAK_IMAGE_NAMES}
    has_header = not any(map(looks_like_image, first))
    if has_header and not known.intersection(map(plain, first)):
        # A table of bare names without suffix has no header where its first row names an image, as the others do.
        here = (cell for cell in first[:MAX_COLUMNS] if cell)
        has_header = not any(names.expect(file.path, [cell])[1] for cell in here)
    return Sheet(file, tuple(first), tuple(rows[1:])) if has_header else Sheet(file, (), tuple(rows[:SAMPLE]))


def _with_images(sheet: Sheet, names: ImageNames) -> Sheet:
    """The sheet with the column whose cells are images: those there are count most, then names that tell of images."""
    header = sheet.plain_header
    ranked: list[tuple[tuple[float, ...], Sheet]] = []
    for at in range(min(sheet.width, MAX_COLUMNS)):
        cells = [cell for cell in sheet.cells(at) if cell]
        name = header[at] if header else ""
        strong = name in IMAGE_NAMES
        looking = sum(map(looks_like_image, cells)) > len(cells) / 2
        if not cells and not strong:
            continue
        named, present = names.expect(sheet.path, cells)
        resolved = bool(present) and present >= named / 2 and (strong or len(set(cells)) > 1 or len(cells) == 1)
        if strong or looking or resolved:
            order = -IMAGE_NAMES.index(name) if strong else -len(IMAGE_NAMES)
            share = round(present / named, 1) if named else 0.0
            rank = (share, looking, strong, name in WEAK_IMAGE_NAMES, len(set(cells)) if not strong else 0, order)
            ranked.append((rank, replace(sheet, image=at, named=named, present=present)))
    return max(ranked, key=lambda item: item[0])[1] if ranked else sheet


def split_column(sheet: Sheet, source: DataSource) -> int | None:
    """The column of splits, if there is one: the user's, or one by its name and, for a weak name, by its cells."""
    declared = dict(source.options.columns).get("split")
    if declared is not None:
        return sheet.declared("split", declared)
    header = sheet.plain_header
    strong = first_named(header, SPLIT_NAMES)
    if strong is not None:
        return strong
    weak = first_named(header, WEAK_SPLIT_NAMES)
    words = {cell for cell in sheet.cells(weak) if cell} if weak is not None else set()
    return weak if words and all(_is_split(word) for word in words) else None


def split_of_cell(cell: str) -> int:
    """The split that a cell stands for. Raises FindingError for a word that stands for none."""
    if not cell or cell.lower() == "unassigned":
        return UNASSIGNED
    split = split_of_word(cell)
    if split == UNASSIGNED:
        raise FindingError(Finding.of("split-unknown", f"'{cell}' is not a split; use train, validation or test"))
    return split


def _is_split(cell: str) -> bool:
    return cell.lower() == "unassigned" or split_of_word(cell) != UNASSIGNED


def first_named(header: Sequence[str], names: Iterable[str]) -> int | None:
    """The first column that has one of these plain names, in the order of the names."""
    return next((list(header).index(name) for name in names if name in header), None)
