"""Where a table of boxes keeps their corners or their sizes, in columns of their own or in one cell."""

from __future__ import annotations

import ast
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from vistry.data.findings import Finding, FindingError
from vistry.data.readers.csv_columns import LABEL_NAMES, NUMBER_NAMES, WEAK_LABEL_NAMES
from vistry.data.readers.json_values import Json
from vistry.data.readers.jsonl_fields import has_pixels
from vistry.data.readers.object_builder import Box
from vistry.data.readers.shapes import parse_box
from vistry.data.readers.sheets import MAX_COLUMNS, Sheet, first_named, looks_like_image, split_column
from vistry.data.source import DataSource

BOX_ROLES = frozenset(("xmin", "ymin", "xmax", "ymax", "width", "height", "box"))
CORNERS, SIZES, CENTRE = "corners", "corner and size", "centre and size"
# All objects of an image in one cell, as metadata files of image folders have them.
OBJECTS = "objects"
# How the four numbers of a box are called, without the prefixes below.
FORMS: tuple[tuple[str, tuple[str, str, str, str]], ...] = (
    (CORNERS, ("xmin", "ymin", "xmax", "ymax")),
    (CORNERS, ("x1", "y1", "x2", "y2")),
    (CORNERS, ("x0", "y0", "x1", "y1")),
    (CORNERS, ("minx", "miny", "maxx", "maxy")),
    (CORNERS, ("left", "top", "right", "bottom")),
    (CORNERS, ("xtl", "ytl", "xbr", "ybr")),
    (CORNERS, ("topx", "topy", "bottomx", "bottomy")),
    (CENTRE, ("xcenter", "ycenter", "width", "height")),
    (CENTRE, ("centerx", "centery", "width", "height")),
    (CENTRE, ("cx", "cy", "w", "h")),
    (CENTRE, ("cx", "cy", "width", "height")),
    (SIZES, ("xmin", "ymin", "width", "height")),
    (SIZES, ("left", "top", "width", "height")),
    (SIZES, ("x", "y", "w", "h")),
    (SIZES, ("x", "y", "width", "height")),
    (SIZES, ("xmin", "ymin", "w", "h")),
)
PREFIXES = ("", "bbox", "box", "roi", "boundingbox")
CELL_NAMES = ("bbox", "box", "boundingbox", "bboxes", "boxes")
CROWD_NAMES = ("iscrowd", "crowd", "isgroupof")
WIDTHS, HEIGHTS = ("width", "imagewidth", "imgwidth", "imgw"), ("height", "imageheight", "imgheight", "imgh")
# The bounds of fractions that were rounded or drawn a little beyond an edge.
NEARLY_ONE = 1.05


@dataclass(frozen=True)
class BoxColumns:
    """Where things are in a row of a table of boxes.

    `numbers`: the columns of a box's four numbers; one column where a cell holds all. `form`: what the numbers are.
    `label`: None where all objects are of one class. `size`: the columns of the image's width and height.
    """

    image: int
    numbers: tuple[int, ...]
    form: str
    label: int | None
    split: int | None = None
    size: tuple[int, int] | None = None
    crowd: int | None = None

    @property
    def last(self) -> int:
        """The last of the columns that a row must have."""
        return max(at for at in (self.image, *self.numbers, self.label or 0))

    def numbers_of(self, row: Sequence[str]) -> list[Json]:
        """The four numbers of a row's box as written; none where it has no box."""
        if len(self.numbers) == 1:
            return _from_cell(row[self.numbers[0]])
        cells = [row[at] for at in self.numbers]
        return cells if any(cells) else []

    def box_of(self, numbers: Sequence[Json]) -> Box:
        """The corners of a box from its four numbers. Raises FindingError."""
        one, two, three, four = parse_box(numbers, self.form)
        if self.form == CORNERS:
            return one, two, three, four
        if self.form == SIZES:
            return one, two, one + three, two + four
        return one - three / 2, two - four / 2, one + three / 2, two + four / 2


def _from_cell(cell: str) -> list[Json]:
    if not cell or cell in ("[]", "nan", "NaN"):
        return []
    try:
        numbers = json.loads(
            cell if cell.startswith("[") else f"[{cell.replace(' ', ', ') if ',' not in cell else cell}]"
        )
    except (ValueError, RecursionError):
        numbers = None
    if not isinstance(numbers, list) or len(numbers) != 4:
        raise FindingError(Finding.of("box-invalid", f"the cell {cell!r:.60} is not a list of a box's four numbers"))
    return numbers


def find_boxes(sheet: Sheet, source: DataSource) -> BoxColumns | None:
    """The columns of boxes in a table of images; None where there are none.

    Raises FindingError for a column that the user got wrong.
    """
    if sheet.image is None:
        return None
    if not sheet.header:
        return _automl(sheet) or _bare(sheet)
    objects = first_named(sheet.plain_header, (OBJECTS,))
    if objects is not None and all(map(_are_objects, filter(None, sheet.cells(objects)))):
        return BoxColumns(sheet.image, (objects,), OBJECTS, label=objects, split=split_column(sheet, source))
    roles = dict(source.options.columns)
    present = _declared_numbers(sheet, roles) or _named_numbers(sheet) or _in_a_cell(sheet)
    if present is None:
        return None
    form, numbers = present
    header = sheet.plain_header
    split = split_column(sheet, source)
    size = _size(header, numbers)
    crowd = first_named(header, CROWD_NAMES)
    label = sheet.declared("label", roles["label"]) if "label" in roles else _label(header, {*numbers, sheet.image})
    return BoxColumns(sheet.image, numbers, form, label=label, split=split, size=size, crowd=crowd)


def objects_of(cell: str) -> Json:
    """The objects in a cell, written as JSON or Python. Raises FindingError."""
    if not cell:
        return []
    try:
        return json.loads(cell) if '"' in cell else ast.literal_eval(cell)
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        message = f"the cell {cell!r:.60} is not a list of objects"
        raise FindingError(Finding.of("line-invalid", message)) from None


def _are_objects(cell: str) -> bool:
    try:
        return has_pixels(objects_of(cell))
    except FindingError:
        return False


def free_columns(sheet: Sheet, columns: BoxColumns) -> list[str]:
    """The names of columns that aren't used, in which a class might be."""
    used = {columns.image, *columns.numbers, columns.split, columns.crowd, *(columns.size or ())}
    return [name for at, name in enumerate(sheet.header) if at not in used]


def _declared_numbers(sheet: Sheet, roles: Mapping[str, str]) -> tuple[str, tuple[int, ...]] | None:
    if "box" in roles:
        return SIZES, (sheet.declared("box", roles["box"]),)
    if "xmin" not in roles:
        return None
    corner = CORNERS if "xmax" in roles else SIZES
    wanted = ("xmin", "ymin", *(("xmax", "ymax") if corner == CORNERS else ("width", "height")))
    missing = [role for role in wanted if role not in roles]
    if missing:
        given = ", ".join(role for role in wanted if role in roles)
        message = f"--columns names a box's {given} and not its {', '.join(missing)}"
        raise FindingError(Finding.of("field-missing", message, sheet.path, line=1).advising("name all four"))
    return corner, tuple(sheet.declared(role, roles[role]) for role in wanted)


def _named_numbers(sheet: Sheet) -> tuple[str, tuple[int, ...]] | None:
    header = sheet.plain_header
    for prefix in PREFIXES:
        for form, names in FORMS:
            full = [prefix + name for name in names]
            if all(name in header for name in full):
                numbers = tuple(header.index(name) for name in full)
                if all(_is_number(cell) for at in numbers for cell in sheet.cells(at) if cell):
                    return form, numbers
    return None


def _in_a_cell(sheet: Sheet) -> tuple[str, tuple[int, ...]] | None:
    at = first_named(sheet.plain_header, CELL_NAMES)
    if at is None:
        return None
    cells = [cell for cell in sheet.cells(at) if cell]
    try:
        boxes = [[float(number) for number in _from_cell(cell)] for cell in cells]
    except (FindingError, TypeError, ValueError):
        return None
    whole = [box for box in boxes if len(box) == 4]
    # Sizes are what the competitions write; corners where a size would reach out of the image that the row states.
    size = _size(sheet.plain_header, (at,))
    rows = [row for _, row in sheet.sample if at < len(row) and row[at]]
    beyond = size is not None and any(
        _beyond(box, row, size) for box, row in zip(boxes, rows, strict=False) if len(box) == 4
    )
    form = CORNERS if beyond and all(box[2] > box[0] and box[3] > box[1] for box in whole) else SIZES
    return form, (at,)


def _beyond(box: Sequence[float], row: Sequence[str], size: tuple[int, int]) -> bool:
    try:
        width, height = float(row[size[0]]), float(row[size[1]])
    except (ValueError, IndexError):
        return False
    return box[0] + box[2] > width * NEARLY_ONE or box[1] + box[3] > height * NEARLY_ONE


def _size(header: Sequence[str], numbers: Sequence[int]) -> tuple[int, int] | None:
    width = next((header.index(name) for name in WIDTHS if name in header), None)
    height = next((header.index(name) for name in HEIGHTS if name in header), None)
    if width is None or height is None or {width, height} & set(numbers):
        return None
    return width, height


def _label(header: Sequence[str], taken: set[int]) -> int | None:
    for names in (LABEL_NAMES, WEAK_LABEL_NAMES, ("name", "object", "type"), NUMBER_NAMES):
        at = next((header.index(name) for name in names if name in header and header.index(name) not in taken), None)
        if at is not None:
            return at
    return None


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _automl(sheet: Sheet) -> BoxColumns | None:
    """AutoML's table, without a header: [split,] image, label, and the corners of a box from the top left clockwise."""
    start = sheet.image or 0
    if start > 1 or sheet.width != start + 10:
        return None
    numbers = (start + 2, start + 3, start + 6, start + 7)
    if not all(_is_number(cell) for at in numbers for cell in sheet.cells(at) if cell):
        return None
    return BoxColumns(start, numbers, CORNERS, label=start + 1, split=0 if start else None)


def _bare(sheet: Sheet) -> BoxColumns | None:
    """Six columns without a header: an image, four numbers side by side, and a class."""
    width = sheet.width
    if width != 6:
        return None
    image = sheet.image or 0
    others = [at for at in range(width) if at != image]
    for start in range(min(MAX_COLUMNS, width - 3)):
        numbers = (start, start + 1, start + 2, start + 3)
        label = [at for at in others if at not in numbers]
        cells = [[cell for cell in sheet.cells(at) if cell] for at in numbers]
        if len(label) == 1 and all(cells) and all(_is_number(cell) for column in cells for cell in column):
            if any(looks_like_image(cell) for cell in sheet.cells(label[0])):
                return None
            return BoxColumns(image, numbers, CORNERS, label=label[0])
    return None
