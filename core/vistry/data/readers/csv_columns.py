"""Where a CSV file keeps its images, labels and split: by the header's names, else by what the cells hold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from vistry.data.findings import Finding, FindingError
from vistry.data.images.formats import IMAGE_SUFFIXES

IMAGE_NAMES = (
    "image", "image_url", "image_path", "imagepath", "image_name", "imagename", "image_file", "img", "img_path",
    "path", "file", "filename", "file_name", "filepath", "file_path",
)  # fmt: skip
LABEL_NAMES = (
    "label", "labels", "class", "classes", "class_name", "category", "categories", "target", "tag", "tags"
)  # fmt: skip
SPLIT_NAMES = ("split", "set", "subset", "partition")
CORNER_NAMES = (("xmin", "ymin", "xmax", "ymax"), ("x1", "y1", "x2", "y2"))
Row = tuple[int, list[str]]


@dataclass(frozen=True)
class Columns:
    """Where things are in a row: the image, the labels (several columns: one a class, 0 or 1), the split if any."""

    header: tuple[str, ...]
    image: int
    labels: tuple[int, ...]
    split: int | None = None

    @property
    def one_hot(self) -> bool:
        """Whether each class has a column of its own."""
        return len(self.labels) > 1


def find_columns(rows: list[Row], path: Path) -> tuple[Columns, list[Row]]:
    """The columns and the rows below the header, if there is one."""
    line, first = rows[0]
    at = next((at for at, cell in enumerate(first) if _looks_like_image(cell)), None)
    if at is not None:
        return _without_header(first, at, path, line=line), rows
    header = tuple(cell.lower() for cell in first)
    below = rows[1:]
    image = _first_named(header, IMAGE_NAMES)
    if image is None:
        image = _column_of_images(below)
    if image is None:
        message = f"no column of images among {', '.join(first) or 'no columns'}"
        remedy = f"name the columns in the first line, such as image,label (known: {', '.join(IMAGE_NAMES)})"
        raise FindingError(Finding.of("format-unknown", message, path, line=line).advising(remedy))
    split = _first_named(header, SPLIT_NAMES)
    labels = _label_columns(header, below, {image, split})
    if not labels:
        message = f"no column of labels among {', '.join(first)}"
        remedy = "name it 'label', or give each class a column of 0 and 1"
        raise FindingError(Finding.of("format-unknown", message, path, line=line).advising(remedy))
    return Columns(tuple(first), image, labels, split=split), below


def box_columns(header: Sequence[str]) -> tuple[str, ...]:
    """The names of the columns that hold the corners of boxes, if there are some."""
    named = {cell.lower() for cell in header}
    return next((names for names in CORNER_NAMES if named.issuperset(names)), ())


def _without_header(first: list[str], image: int, path: Path, line: int) -> Columns:
    if len(first) != 2:
        message = f"without a header the label can't be told apart among {len(first)} columns"
        remedy = "add a first line that names the columns, such as image,label"
        raise FindingError(Finding.of("format-unknown", message, path, line=line).advising(remedy))
    return Columns(("image", "label") if image == 0 else ("label", "image"), image, (1 - image,))


def _first_named(header: Sequence[str], names: Sequence[str]) -> int | None:
    return next((header.index(name) for name in names if name in header), None)


def _column_of_images(rows: Sequence[Row]) -> int | None:
    sample = [row for _, row in rows[:20]]
    width = min((len(row) for row in sample), default=0)
    return next((at for at in range(width) if all(_looks_like_image(row[at]) for row in sample)), None)


def _looks_like_image(cell: str) -> bool:
    return Path(cell).suffix.lower() in IMAGE_SUFFIXES


def _label_columns(header: Sequence[str], rows: Sequence[Row], taken: set[int | None]) -> tuple[int, ...]:
    named = _first_named(header, LABEL_NAMES)
    if named is not None and named not in taken:
        return (named,)
    free = [at for at in range(len(header)) if at not in taken]
    if len(free) == 1:
        return (free[0],)
    flags = tuple(at for at in free if all(_is_flag(row[at]) for _, row in rows if at < len(row)))
    return flags if len(flags) > 1 else ()


def _is_flag(cell: str) -> bool:
    return cell in ("0", "1", "0.0", "1.0")
