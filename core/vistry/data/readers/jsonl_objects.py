"""Boxes and polygons in the hosted product's JSON Lines: fractions of the image, corners or rings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from vistry.data.findings import Finding, FindingError
from vistry.data.readers.json_text import Repeated, repeated
from vistry.data.readers.json_values import Json
from vistry.data.readers.labels import ClassNames
from vistry.data.readers.object_builder import UNKNOWN, ObjectRecord, ObjectTableBuilder, Shape
from vistry.data.readers.shapes import parse_box, parse_pixels, parse_rings, parse_runs

CORNERS = ("topX", "topY", "bottomX", "bottomY")
_CROWD = {0: False, 1: True, "0": False, "1": True, "false": False, "true": True}

Note = Callable[[Finding], None]


def add_row(
    builder: ObjectTableBuilder,
    names: ClassNames,
    image: str,
    record: dict[str, Json],
    place: tuple[int, int, int],
) -> list[Finding]:
    """Add a line's image and objects; `place` is split, file and line. Return what is wrong with objects.

    A bad object costs no other. Raises FindingError where the label isn't a list of objects.
    """
    label = record["label"]
    if not isinstance(label, list) or any(isinstance(item, str | int) for item in label):
        message = f"the label is {label!r:.40}, but this task takes a list of objects with boxes or polygons"
        raise FindingError(Finding.of("task-mismatch", message).advising("use --task multiclass or --task multilabel"))
    details = record.get("image_details")
    width, height = (
        (parse_pixels(details.get(side)) for side in ("width", "height")) if isinstance(details, dict) else (0, 0)
    )
    row = builder.add_image(image, *place, size=(width, height))
    return [
        replace(finding, reason=f"object {number}: {finding.message}")
        for number, item in enumerate(label, start=1)
        for finding in _add(builder, names, row=row, number=number, item=item)
    ]


def _add(builder: ObjectTableBuilder, names: ClassNames, row: int, number: int, item: Json) -> list[Finding]:
    """Add an object, or count it as dropped; return what is wrong with it."""
    findings: list[Finding] = []
    try:
        if type(item) is not dict:
            raise FindingError(_not_an_object(item))
        if "label" not in item:
            raise FindingError(Finding.of("object-invalid", f"no 'label' among {', '.join(item) or 'no fields'}"))
        (label,) = names.one(item["label"])
        crowd = _is_crowd(item.get("isCrowd", 0))
        shape = _shape(item, findings.append)
        box = (
            shape.box()
            if shape is not None and CORNERS[0] not in item
            else parse_box(_corners(item), ", ".join(CORNERS))
        )
    except FindingError as error:
        if error.finding.check == "label-types-mixed":
            raise
        builder.drop_object(row)
        return [*findings, error.finding]
    area = item.get("area", UNKNOWN)
    stated_area = float(area) if type(area) in (int, float) else UNKNOWN
    builder.add_object(row, label, ObjectRecord(box, number, crowd=crowd, area=stated_area, shape=shape))
    return findings


def _is_crowd(value: Json) -> bool:
    crowd = _CROWD.get(value.lower() if isinstance(value, str) else value) if isinstance(value, str | int) else None
    if crowd is None:
        raise FindingError(Finding.of("object-invalid", f"'isCrowd' is {value!r:.40}, not 0 or 1"))
    return crowd


def _shape(item: dict[str, Json], note: Note) -> Shape | None:
    """The polygons, else the run lengths, which Vistry writes where polygons can't say it; None for a box alone."""
    if "rle" in item and isinstance(item["rle"], dict):
        return parse_runs(item["rle"])
    polygons = item.get("polygon")
    if not polygons:
        return None
    if not isinstance(polygons, list):
        raise FindingError(
            Finding.of("polygon-invalid", f"the polygon {polygons!r:.60} is not a list of lists of numbers")
        )
    rings, faults = parse_rings(polygons)
    for finding in faults:
        note(finding)
    if not rings:
        raise FindingError(Finding.of("mask-missing", "none of its polygons can be used"))
    return Shape(rings)


def _corners(item: dict[str, Json]) -> tuple[Json, ...]:
    missing = [name for name in CORNERS if name not in item]
    if missing:
        raise FindingError(Finding.of("box-invalid", f"the box has no {', '.join(missing)}"))
    return tuple(item[name] for name in CORNERS)


def _not_an_object(item: Json) -> Finding:
    if isinstance(item, Repeated):
        return repeated(f"{dict(item)!r:.80}")
    return Finding.of("object-invalid", f"{item!r:.60} is not an object with a label and a box")
