"""Write rows as CVAT's XML for images, which CVAT imports: boxes, polygons, masks, or tags."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from xml.sax.saxutils import quoteattr

import numpy as np

from vistry.data.masks.rle import Mask
from vistry.data.table import SPLITS, Table
from vistry.data.writers.tools.drawn import DrawnObject, drawn_objects, labels_of, refuse_crowds, size_of

SUFFIX: str = ".xml"


def write(table: Table, images: Sequence[str]) -> Iterator[str]:
    """Yield the file's text, an element an image. Raises DataError for crowds."""
    refuse_crowds(table, "CVAT")
    labels = "".join(f"<label><name>{quoteattr(name)[1:-1]}</name></label>" for name in table.classes)
    yield '<?xml version="1.0" encoding="utf-8"?>\n<annotations>\n<version>1.1</version>\n'
    yield f"<meta><task><labels>{labels}</labels></task></meta>\n"
    for row, image in enumerate(images):
        size = "" if table.objects is None else " width={} height={}".format(*map(_quoted, size_of(table, row)))
        split = int(table.split[row])
        subset = f" subset={_quoted(SPLITS[split])}" if split >= 0 else ""
        yield f"<image id={_quoted(row)} name={quoteattr(image)}{subset}{size}>\n"
        if table.objects is None:
            yield from (f'<tag label={quoteattr(label)} source="manual"></tag>\n' for label in labels_of(table, row))
        else:
            yield from (f"{_element(drawn)}\n" for drawn in drawn_objects(table, row))
        yield "</image>\n"
    yield "</annotations>\n"


def _element(drawn: DrawnObject) -> str:
    begin = f'label={quoteattr(drawn.label)} source="manual" occluded="0"'
    if drawn.ring is not None:
        points = ";".join(f"{x!r},{y!r}" for x, y in drawn.ring.tolist())
        return f'<polygon {begin} points="{points}" z_order="0"></polygon>'
    if drawn.mask is not None:
        return f'<mask {begin} {_mask(drawn.mask)} z_order="0"></mask>'
    corners = zip(("xtl", "ytl", "xbr", "ybr"), drawn.box, strict=True)
    return f'<box {begin} {" ".join(f"{name}={_quoted(side)}" for name, side in corners)} z_order="0"></box>'


def _mask(mask: Mask) -> str:
    """A mask's box, and its run lengths along the rows of the box, outside first."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return 'rle="1" left="0" top="0" width="1" height="1"'
    top, left = int(rows[0]), int(columns[0])
    inside = mask[top : rows[-1] + 1, left : columns[-1] + 1]
    changes = np.flatnonzero(np.diff(inside.ravel(), prepend=False))
    runs = np.diff(changes, prepend=0, append=inside.size).tolist()
    place = {"left": left, "top": top, "width": inside.shape[1], "height": inside.shape[0]}
    return f'rle="{", ".join(map(str, runs))}" ' + " ".join(f"{name}={_quoted(side)}" for name, side in place.items())


def _quoted(value: object) -> str:
    return quoteattr(str(value))
