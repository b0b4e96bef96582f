"""VIA 2: a JSON file with the regions of many images, exported or within a project."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from vistry.data.findings import Finding, FindingError
from vistry.data.readers.json_text import whole
from vistry.data.readers.json_values import Json
from vistry.data.readers.object_builder import Shape
from vistry.data.readers.shapes import parse_box
from vistry.data.readers.split_words import split_of_path
from vistry.data.readers.tools.annotated import AnnotatedImage, Drawn, ToolFormat
from vistry.data.readers.tools.outlines import ellipse_of, ring_of_points
from vistry.data.source import DataSource

NAME = "via"
HEAD = 1 << 16
ONLY_CLASS = "object"
# Attributes that name a class, the first that regions have counting.
CLASS_ATTRIBUTES = ("class", "label", "name", "type", "category", "object", "species")


def _files(source: DataSource) -> list[Path]:
    return [file for file in source.files((".json",)) if _is_via(file)]


def _is_via(file: Path) -> bool:
    with file.open("rb") as stream:
        head = stream.read(HEAD)
    return b'"_via_img_metadata"' in head or (b'"filename"' in head and b'"regions"' in head and b'"tags"' not in head)


def _parse(source: DataSource, file: Path) -> Iterator[AnnotatedImage]:
    content = whole(file)
    if isinstance(content, dict):
        content = content.get("_via_img_metadata", content)
    entries = list(content.values()) if isinstance(content, dict) else content
    if not isinstance(entries, list):
        raise FindingError(Finding.of("line-invalid", "the file holds no entries of images", file))
    records = [entry for entry in entries if isinstance(entry, dict) and isinstance(entry.get("filename"), str)]
    attribute = _class_attribute(records)
    for record in records:
        image = AnnotatedImage([record["filename"]], file, split=split_of_path(source.relative(file)))
        image.labels = _labels(record.get("file_attributes"))
        for region in _regions(record):
            try:
                image.objects.append(_object(region, attribute))
            except FindingError as error:
                image.faults.append(error.finding)
        yield image


def _regions(record: dict[str, Json]) -> list[Json]:
    """The regions of an image: a list, or in older files an object of numbers."""
    regions = record.get("regions") or []
    return list(regions.values()) if isinstance(regions, dict) else list(regions)


def _class_attribute(records: list[dict[str, Json]]) -> str:
    """The attribute of regions that names their class: one of those known, else the one that most of them have."""
    counts: Counter[str] = Counter()
    for record in records:
        for region in _regions(record):
            attributes = region.get("region_attributes") if isinstance(region, dict) else None
            counts.update(name for name, value in (attributes or {}).items() if value not in ("", None, {}))
    known = [name for name in CLASS_ATTRIBUTES for own in counts if own.lower() == name]
    if known:
        return next(own for own in counts if own.lower() == known[0])
    return counts.most_common(1)[0][0] if counts else ""


def _object(region: Json, attribute: str) -> Drawn:
    shape = region.get("shape_attributes") if isinstance(region, dict) else None
    if not isinstance(shape, dict):
        raise FindingError(Finding.of("object-invalid", f"the region {region!r:.40} has no shape"))
    attributes = region.get("region_attributes") or {}
    chosen = _chosen(attributes.get(attribute)) if attribute else [ONLY_CLASS]
    if len(chosen) != 1:
        message = f"the region's '{attribute}' names {len(chosen)} classes, one is needed"
        raise FindingError(Finding.of("object-invalid", message))
    kind = shape.get("name")
    if kind == "rect":
        x, y, width, height = parse_box([shape.get(name) for name in ("x", "y", "width", "height")], "x, y and size")
        return Drawn(chosen[0], box=(x, y, x + width, y + height))
    if kind == "polygon":
        across, down = shape.get("all_points_x") or (), shape.get("all_points_y") or ()
        if len(across) != len(down):
            raise FindingError(Finding.of("polygon-invalid", f"{len(across)} x and {len(down)} y of points"))
        return Drawn(chosen[0], shape=Shape([ring_of_points(list(zip(across, down, strict=True)))]))
    if kind in ("circle", "ellipse"):
        radii = ("r", "r") if kind == "circle" else ("rx", "ry")
        values = [shape.get(name) for name in ("cx", "cy", *radii)]
        return Drawn(chosen[0], shape=Shape([ellipse_of(parse_box(values, "centre and radii"))]))
    raise FindingError(Finding.of("object-invalid", f"a {kind!s:.20} is a shape without an area"))


def _labels(attributes: Json) -> tuple[str, ...] | None:
    """The classes of a whole image, from the first attribute of files that names some."""
    if not isinstance(attributes, dict):
        return None
    known = {name.lower(): value for name, value in attributes.items()}
    value = next((known[name] for name in CLASS_ATTRIBUTES if known.get(name)), None)
    return None if value is None else tuple(_chosen(value))


def _chosen(value: Json) -> list[str]:
    """The classes that a value of an attribute names: a text, or an object of those that are ticked."""
    if isinstance(value, dict):
        return [name for name, ticked in value.items() if ticked]
    return [str(value).strip()] if value not in (None, "") else []


FORMAT = ToolFormat(NAME, "file(s) of VIA's JSON", files=_files, parse=_parse)
judge, read, guess_task = FORMAT.judge, FORMAT.read, FORMAT.guess_task
