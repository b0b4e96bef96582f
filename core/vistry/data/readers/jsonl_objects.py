"""Boxes and polygons in the hosted product's JSON Lines: fractions of the image, corners or rings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from vistry.data.findings import DataSetError, Finding, finding
from vistry.data.readers.json_text import Repeated, repeated
from vistry.data.readers.labels import ClassNames
from vistry.data.readers.object_builder import UNKNOWN, ObjectTableBuilder, Shape
from vistry.data.readers.shapes import box_of, rings_of, runs_of, whole

CORNERS = ("topX", "topY", "bottomX", "bottomY")
_CROWD = {0: False, 1: True, "0": False, "1": True, "false": False, "true": True}

Note = Callable[[Finding], None]


def add_row(
    builder: ObjectTableBuilder,
    names: ClassNames,
    image: str,
    record: dict[str, Any],
    place: tuple[int, int, int],
    note: Note,
) -> None:
    """Add a line's image and objects; `place` is split, file and line. A bad object goes to `note` and costs no other.

    Raises DataSetError where the label is no list of objects.
    """
    label = record["label"]
    if not isinstance(label, list) or any(isinstance(item, str | int) for item in label):
        message = f"the label is {label!r:.40}, but this task takes a list of objects with boxes or polygons"
        raise DataSetError(finding("task-mismatch", message, remedy="use --task multiclass or --task multilabel"))
    details = record.get("image_details")
    width, height = (whole(details.get(side)) for side in ("width", "height")) if isinstance(details, dict) else (0, 0)
    row = builder.add_image(image, *place, width, height)
    for number, item in enumerate(label, start=1):
        faults: list[Finding] = []
        _add(builder, names, row, number, item, faults.append)
        for fault in faults:
            note(replace(fault, message=f"object {number}: {fault.message}"))


def _add(builder: ObjectTableBuilder, names: ClassNames, row: int, number: int, item: Any, note: Note) -> None:
    try:
        if type(item) is not dict:
            raise DataSetError(_not_an_object(item))
        if "label" not in item:
            raise DataSetError(finding("object-invalid", f"no 'label' among {', '.join(item) or 'no fields'}"))
        (label,) = names.one(item["label"])
        crowd = _is_crowd(item.get("isCrowd", 0))
        shape = _shape(item, note)
        box = (
            shape.box() if shape is not None and CORNERS[0] not in item else box_of(_corners(item), ", ".join(CORNERS))
        )
    except DataSetError as error:
        if error.finding.check == "label-types-mixed":
            raise
        note(error.finding)
        builder.lose(row)
        return
    area = item.get("area", UNKNOWN)
    known = float(area) if type(area) in (int, float) else UNKNOWN
    builder.add_object(row, label, box, number, crowd=crowd, area=known, shape=shape)


def _is_crowd(value: Any) -> bool:
    known = _CROWD.get(value.lower() if isinstance(value, str) else value) if isinstance(value, str | int) else None
    if known is None:
        raise DataSetError(finding("object-invalid", f"'isCrowd' is {value!r:.40}, not 0 or 1"))
    return known


def _shape(item: dict[str, Any], note: Note) -> Shape | None:
    """The polygons, else the run lengths, which Vistry writes where polygons can't say it; None for a box alone."""
    if "rle" in item and isinstance(item["rle"], dict):
        return runs_of(item["rle"])
    polygons = item.get("polygon")
    if not polygons:
        return None
    if not isinstance(polygons, list):
        raise DataSetError(
            finding("polygon-invalid", f"the polygon {polygons!r:.60} is not a list of lists of numbers")
        )
    rings, faults = rings_of(polygons)
    for fault in faults:
        note(fault)
    if not rings:
        raise DataSetError(finding("mask-missing", "none of its polygons can be used"))
    return Shape(rings)


def _corners(item: dict[str, Any]) -> tuple[Any, ...]:
    missing = [name for name in CORNERS if name not in item]
    if missing:
        raise DataSetError(finding("box-invalid", f"the box has no {', '.join(missing)}"))
    return tuple(item[name] for name in CORNERS)


def _not_an_object(item: Any) -> Finding:
    if isinstance(item, Repeated):
        return repeated(f"{dict(item)!r:.80}")
    return finding("object-invalid", f"{item!r:.60} is not an object with a label and a box")
