"""Objects in the metadata files of image folders: boxes in pixels as x, y, width and height, and their classes."""

from __future__ import annotations

from dataclasses import replace

from vistry.data.findings import Finding, FindingError
from vistry.data.readers.json_values import Json
from vistry.data.readers.labels import ClassNames
from vistry.data.readers.object_builder import ObjectRecord, ObjectTableBuilder
from vistry.data.readers.shapes import parse_box

BOXES = "bbox"
CLASS_FIELDS = ("categories", "category", "labels", "label", "classes", "class")


def add_objects(builder: ObjectTableBuilder, names: ClassNames, row: int, objects: Json) -> list[Finding]:
    """Add the objects of an image; return what is wrong with some. Raises FindingError where none can be told apart."""
    findings = []
    for number, (box, name) in enumerate(_pairs(objects), start=1):
        try:
            x, y, width, height = parse_box(box, "x, y, width, height")
            (label,) = names.one(name)
            builder.add_object(row, label, ObjectRecord((x, y, x + width, y + height), number))
        except FindingError as error:
            if error.finding.check == "label-types-mixed":
                raise
            builder.drop_object(row)
            findings.append(replace(error.finding, reason=f"object {number}: {error.finding.message}"))
    return findings


def _pairs(objects: Json) -> list[tuple[Json, Json]]:
    """(box, class) of each object: lists side by side, or a list of objects."""
    if isinstance(objects, dict):
        boxes = objects.get(BOXES)
        classes = next((objects[name] for name in CLASS_FIELDS if name in objects), None)
        if isinstance(boxes, list) and isinstance(classes, list) and len(boxes) == len(classes):
            return list(zip(boxes, classes, strict=True))
        message = f"the objects have no '{BOXES}' and '{CLASS_FIELDS[0]}' of one length"
        raise FindingError(Finding.of("line-invalid", message))
    if not isinstance(objects, list) or not all(isinstance(item, dict) for item in objects):
        message = f"the label is {objects!r:.40}, but this task takes objects with boxes"
        raise FindingError(Finding.of("task-mismatch", message).advising("use --task multiclass or --task multilabel"))
    return [(item.get(BOXES), next((item[name] for name in CLASS_FIELDS if name in item), None)) for item in objects]
