"""Write rows with boxes as Pascal VOC: an XML file an image in Annotations/, and lists of the splits."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from xml.sax.saxutils import escape

from vistry.data.table import Table
from vistry.data.writers.file_names import names_of_files
from vistry.data.writers.numbers import shortest_decimal
from vistry.data.writers.split_lists import has_splits, rows_by_split
from vistry.errors import DataError

CORNERS = ("xmin", "ymin", "xmax", "ymax")
FOLDER, LISTS = "Annotations", "ImageSets/Main"
# What XML 1.0 has no way to write.
_UNWRITABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")


def write_files(table: Table, images: Sequence[str]) -> Iterator[tuple[str, Iterator[str]]]:
    """Yield a file an image, and a list a split. Corners have decimals where they aren't whole pixels.

    `<path>` says where the image is. Raises DataError for masks, labels of whole images, and names that XML can't hold.
    """
    if table.objects is None:
        raise DataError(f"{table.root} has labels for whole images; Pascal VOC is written with boxes only")
    if table.objects.shapes is not None:
        raise DataError("Pascal VOC is written with boxes only; use --task detection, or write coco, jsonl or yolo")
    for name in (*table.classes, *images):
        if _UNWRITABLE.search(name):
            raise DataError(f"{name!r:.80} has a character that XML can't hold; rename it")
    names = names_of_files(images)
    for row, name in enumerate(names):
        yield f"{FOLDER}/{name}.xml", _annotation(table, row, images[row])
    if has_splits(table):
        for word, rows in rows_by_split(table):
            yield f"{LISTS}/{word}.txt", (f"{names[row]}\n" for row in rows)


def _annotation(table: Table, row: int, image: str) -> Iterator[str]:
    folder, _, name = image.rpartition("/")
    yield "<annotation>\n"
    yield f"  <folder>{escape(folder.rpartition('/')[2])}</folder>\n  <filename>{escape(name)}</filename>\n"
    yield f"  <path>{escape(image)}</path>\n"
    assert table.objects is not None
    width, height = int(table.objects.width[row]), int(table.objects.height[row])
    if width and height:
        yield f"  <size>\n    <width>{width}</width>\n    <height>{height}</height>\n    <depth>3</depth>\n  </size>\n"
    for index in range(int(table.label_starts[row]), int(table.label_starts[row + 1])):
        yield _object(table, index)
    yield "</annotation>\n"


def _object(table: Table, index: int) -> str:
    assert table.objects is not None
    corners = zip(CORNERS, map(shortest_decimal, table.objects.boxes[index]), strict=True)
    box = "".join(f"      <{name}>{value:.10g}</{name}>\n" for name, value in corners)
    return (
        f"  <object>\n    <name>{escape(table.classes[table.labels[index]])}</name>\n"
        f"    <difficult>{int(table.objects.crowd[index])}</difficult>\n    <bndbox>\n{box}    </bndbox>\n  </object>\n"
    )
