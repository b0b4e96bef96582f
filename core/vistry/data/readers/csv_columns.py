"""Where a table of labels keeps them: in one column, by its name or the user's, or in a column of flags a class."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from vistry.data.findings import Finding
from vistry.data.readers.sheets import MAX_COLUMNS, Sheet, first_named, plain, split_column
from vistry.data.source import DataSource

LABEL_NAMES = (
    *("label", "labels", "class", "classes", "classname", "category", "categories", "target", "tag", "tags"),
    *("labelname", "categoryname", "classlabel", "labeltext", "findinglabels", "groundtruth", "choice", "choices"),
)
# Words for what is told apart in one field; a table that has several of them doesn't say which is the label.
WEAK_LABEL_NAMES = ("dx", "diagnosis", "species", "breed", "finding", "findings", "disease", "attributeids")
NUMBER_NAMES = ("classid", "labelid", "categoryid", "classindex", "classidx", "labelidx")
# The start or the whole of names of columns that say something about an image and name no class.
FLAG_STARTS = ("is", "has")
FLAG_NAMES = ("valid", "verified", "reviewed", "occluded", "truncated", "difficult", "blurry", "iscrowd")
YES = frozenset(("1", "1.0", "true"))
NO = frozenset(("0", "0.0", "false"))
MINUS = frozenset(("-1", "-1.0"))


@dataclass(frozen=True)
class Columns:
    """Where things are in a row: the image, the labels (several columns: one a class, 0 or 1), the split if any.

    `remarks`: columns of 0 and 1 that are taken for remarks on the image and not for classes. `is_declared`: whether
    the user named the column of labels. `confidence`: the column in which 0 says that the class is not in the image.
    """

    header: tuple[str, ...]
    image: int
    labels: tuple[int, ...]
    split: int | None = None
    remarks: tuple[str, ...] = ()
    is_declared: bool = False
    confidence: int | None = None

    @property
    def one_hot(self) -> bool:
        """Whether each class has a column of its own."""
        return len(self.labels) > 1

    @property
    def is_plural(self) -> bool:
        """Whether the user named the column of labels, or its name is a plural: a cell may hold several."""
        return self.is_declared or (not self.one_hot and plain(self.header[self.labels[0]]).endswith("s"))


@dataclass(frozen=True)
class Untold:
    """Why the columns of a table of images can't be told, and what to do; `free`: the columns that may be labels."""

    free: tuple[str, ...]
    finding: Finding


def find_columns(sheet: Sheet, source: DataSource) -> Columns | Untold:
    """The columns of a table with a column of images. Raises FindingError for a column that the user got wrong."""
    image = sheet.image
    if image is None:
        return _no_images(sheet)
    if not sheet.header:
        return _without_header(sheet, image)
    split = split_column(sheet, source)
    taken = {image, split}
    declared = dict(source.options.columns)
    if "label" in declared:
        label = sheet.declared("label", declared["label"])
        return Columns(sheet.header, image, (label,), split=split, is_declared=True)
    confidence = first_named(sheet.plain_header, ("confidence",))
    if confidence is not None and is_flags(sheet.cells(confidence)):
        taken.add(confidence)
    else:
        confidence = None
    free = [at for at in range(len(sheet.header)) if at not in taken]
    labels, remarks = _label_columns(sheet, free)
    if not labels:
        return _no_label(sheet, image, free)
    return Columns(sheet.header, image, labels, split=split, remarks=remarks, confidence=confidence)


def _no_images(sheet: Sheet) -> Untold:
    listed = ", ".join(sheet.header[:MAX_COLUMNS]) or "no columns"
    remedy = "name the column of images, such as --columns image=NAME,label=NAME"
    message = f"no column of images among {listed}"
    return Untold((), Finding.of("format-unknown", message, sheet.path, line=1).advising(remedy))


def _no_label(sheet: Sheet, image: int, free: Sequence[int]) -> Untold:
    listed = ", ".join(sheet.header[:MAX_COLUMNS])
    names = tuple(sheet.header[at] for at in free)
    example = names[0] if names else "NAME"
    remedy = f"name it, such as --columns image={_typed(sheet.header[image])},label={_typed(example)}"
    message = f"no column of labels among {listed}"
    return Untold(names, Finding.of("format-unknown", message, sheet.path, line=1).advising(remedy))


def _typed(name: str) -> str:
    return f"'{name}'" if " " in name else name


def _without_header(sheet: Sheet, image: int) -> Columns | Untold:
    width = sheet.width
    if width != 2:
        message = f"without a header the label can't be told apart among {width} columns"
        remedy = "add a first line that names the columns, such as image,label"
        line = sheet.sample[0][0]
        names = tuple(map(str, range(width - 1)))
        return Untold(names, Finding.of("format-unknown", message, sheet.path, line=line).advising(remedy))
    return Columns(("image", "label") if image == 0 else ("label", "image"), image, (1 - image,))


def _label_columns(sheet: Sheet, free: Sequence[int]) -> tuple[tuple[int, ...], tuple[str, ...]]:
    """The columns of labels, none where they can't be told, and the names of those of remarks."""
    header = sheet.plain_header
    strong = [at for name in LABEL_NAMES for at in free if header[at] == name]
    weak = [at for at in free if header[at] in WEAK_LABEL_NAMES]
    numbers = [at for at in free if header[at] in NUMBER_NAMES]
    flags = [at for at in free if is_flags(sheet.cells(at))]
    if strong:
        chosen = _spelled_out(sheet, strong[0], [*strong[1:], *weak])
        return (chosen,), tuple(sheet.header[at] for at in flags if at != chosen)
    if len(weak) == 1:
        return (weak[0],), tuple(sheet.header[at] for at in flags if at != weak[0])
    if len(free) == 1:
        return (free[0],), ()
    if not weak and len(numbers) == 1 and len(flags) < len(free) - 1:
        return (numbers[0],), ()
    classes = tuple(at for at in flags if not _is_remark(sheet.header[at]))
    remarks = tuple(sheet.header[at] for at in flags if at not in classes)
    return (classes, remarks) if len(classes) > 1 else ((), ())


def _spelled_out(sheet: Sheet, first: int, others: Sequence[int]) -> int:
    """The column of names for a column of numbers, where one says the same in words."""
    cells = sheet.cells(first)
    if not all(cell.isdigit() for cell in cells if cell):
        return first
    for other in others:
        names = sheet.cells(other)
        pairs = set(zip(cells, names, strict=False))
        if len(names) == len(cells) and len(pairs) == len(set(cells)) == len(set(names)):
            return other
    return first


def is_flags(cells: Sequence[str]) -> bool:
    """Whether a column holds 0 and 1 alone, in one of the ways that they are written."""
    values = {cell.lower() for cell in cells}
    return bool(values) and (values <= YES | NO or values <= YES | MINUS)


def _is_remark(name: str) -> bool:
    words = name.replace("-", "_").replace(" ", "_").lower().split("_")
    return (len(words) > 1 and words[0] in FLAG_STARTS) or plain(name) in FLAG_NAMES
