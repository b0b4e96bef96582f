"""Write rows as VIA 2's JSON: rectangles and polygons, or the class of a whole image among its attributes."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from vistry.data.masks.contours import mask_to_outlines
from vistry.data.table import Table
from vistry.data.writers.one_ring import one_ring
from vistry.data.writers.tools.drawn import DrawnObject, drawn_objects, labels_of, refuse_crowds

SUFFIX: str = ".json"
ATTRIBUTE = "class"


def write(table: Table, images: Sequence[str]) -> Iterator[str]:
    """Yield the file's text, an entry an image. The parts of a mask are joined by lines without width.

    Raises DataError for crowds.
    """
    refuse_crowds(table, "VIA")
    yield "{\n"
    for row, image in enumerate(images):
        regions = [] if table.objects is None else [_region(drawn) for drawn in drawn_objects(table, row)]
        entry = {"filename": image, "size": -1, "regions": regions, "file_attributes": _attributes(table, row)}
        yield (",\n" if row else "") + f"{json.dumps(f'{image}-1')}: {json.dumps(entry, ensure_ascii=False)}"
    yield "\n}\n"


def _attributes(table: Table, row: int) -> dict[str, object]:
    """The class of a whole image as text, several as ticks."""
    if table.objects is not None:
        return {}
    names = labels_of(table, row)
    return {ATTRIBUTE: names[0] if len(names) == 1 else dict.fromkeys(names, True)}


def _region(drawn: DrawnObject) -> dict[str, object]:
    outlines = [] if drawn.mask is None else mask_to_outlines(drawn.mask)
    ring = one_ring(outlines) if outlines else drawn.ring
    x1, y1, x2, y2 = drawn.box
    shape: dict[str, object] = {"name": "rect", "x": x1, "y": y1, "width": x2 - x1, "height": y2 - y1}
    if ring is not None:
        across, down = ring.T.tolist()
        shape = {"name": "polygon", "all_points_x": across, "all_points_y": down}
    return {"shape_attributes": shape, "region_attributes": {ATTRIBUTE: drawn.label}}
