"""labelme: a JSON file an image, with rectangles, polygons, circles and masks, or flags of the whole image."""

from __future__ import annotations

import base64
import io
import math
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from vistry.data.findings import Finding, FindingError
from vistry.data.masks.rle import mask_to_runs
from vistry.data.readers.json_text import whole
from vistry.data.readers.json_values import Json
from vistry.data.readers.object_builder import Shape
from vistry.data.readers.shapes import parse_box, parse_pixels
from vistry.data.readers.split_words import split_of_folders
from vistry.data.readers.tools.annotated import AnnotatedImage, Drawn, ToolFormat
from vistry.data.readers.tools.outlines import ellipse, ring_of_points
from vistry.data.source import DataSource

NAME = "labelme"
HEAD, MARK = 1 << 16, b'"shapes"'
# Kinds of shapes that enclose nothing.
WITHOUT_AREA = ("line", "linestrip", "point", "points")


def _files(source: DataSource) -> list[Path]:
    return [file for file in source.files((".json",)) if _is_labelme(file)]


def _is_labelme(file: Path) -> bool:
    """Whether labelme's keys stand near either end: the picture itself may lie between them."""
    with file.open("rb") as stream:
        sample = stream.read(HEAD)
        size = file.stat().st_size
        if size > HEAD:
            stream.seek(max(HEAD, size - HEAD))
            sample += stream.read()
    return b'"imagePath"' in sample and (MARK in sample or b'"flags"' in sample)


def _parse(source: DataSource, file: Path) -> Iterator[AnnotatedImage]:
    record = whole(file)
    if not isinstance(record, dict):
        raise FindingError(Finding.of("line-invalid", "the file holds no JSON object", file))
    named = record.get("imagePath")
    # A copied file still names the picture that it was made for, so its own name goes first.
    names = [file.stem, *([named] if isinstance(named, str) and named else ())]
    size = parse_pixels(record.get("imageWidth")), parse_pixels(record.get("imageHeight"))
    split = split_of_folders(source.relative(file).split("/")[:-1])
    image = AnnotatedImage(names, file, size=size, split=split)
    flags = record.get("flags")
    if isinstance(flags, dict) and flags:
        image.labels = tuple(name for name, value in flags.items() if value is True)
    groups: dict[tuple[str, object], list[Shape]] = defaultdict(list)
    for number, shape in enumerate(record.get("shapes") or ()):
        try:
            _add(image, shape, number, groups=groups)
        except FindingError as error:
            image.faults.append(error.finding)
    for (label, _), parts in groups.items():
        rings = [ring for part in parts for ring in part.rings]
        image.objects.append(Drawn(label, shape=Shape(rings)))
    yield image


def _add(image: AnnotatedImage, shape: Json, number: int, groups: dict[tuple[str, object], list[Shape]]) -> None:
    """Add a shape as an object, or to the group of polygons that are one object. Raises FindingError."""
    if not isinstance(shape, dict):
        raise FindingError(Finding.of("object-invalid", f"the shape is {shape!r:.40}, not a JSON object"))
    label, kind, points = shape.get("label"), shape.get("shape_type") or "polygon", shape.get("points")
    if kind in WITHOUT_AREA:
        raise FindingError(Finding.of("object-invalid", f"a {kind} is a shape without an area"))
    if kind == "rectangle":
        values = [value for point in points or () for value in point]
        x1, y1, x2, y2 = parse_box(values, "x, y of two corners")
        image.objects.append(Drawn(label, box=(min(x1, x2), min(y1, y2), max(x1, x2), max(y1, y2))))
    elif kind == "circle":
        x, y, edge_x, edge_y = parse_box([value for point in points or () for value in point], "centre and edge")
        radius = math.hypot(edge_x - x, edge_y - y)
        image.objects.append(Drawn(label, shape=Shape([ellipse((x, y), (radius, radius))])))
    elif kind == "mask":
        image.objects.append(Drawn(label, shape=_mask(shape, image.size)))
    elif kind == "polygon":
        group = shape.get("group_id")
        key = (str(label), number if group is None else f"group {group}")
        groups[key].append(Shape([ring_of_points(points or ())]))
    else:
        raise FindingError(Finding.of("object-invalid", f"'{kind!s:.20}' is no known shape"))


def _mask(shape: dict[str, Json], size: tuple[int, int]) -> Shape:
    """The mask that lies as a picture in the corners of a box, its last row and column within."""
    try:
        (left, top), _ = ((int(x), int(y)) for x, y in shape["points"])
        pixels = np.asarray(Image.open(io.BytesIO(base64.b64decode(shape["mask"])))) > 0
    except Exception as error:  # whatever Pillow raises for what is no picture
        raise FindingError(Finding.of("mask-invalid", f"the mask can't be decoded: {error!s:.60}")) from None
    width, height = size
    if left < 0 or top < 0 or top + pixels.shape[0] > height or left + pixels.shape[1] > width:
        raise FindingError(Finding.of("mask-size", f"the mask reaches out of the image's {width} x {height} pixels"))
    canvas = np.zeros((height, width), dtype=bool)
    canvas[top : top + pixels.shape[0], left : left + pixels.shape[1]] = pixels
    return Shape(runs=mask_to_runs(canvas), height=height)


FORMAT = ToolFormat(NAME, "file(s) of labelme's JSON", files=_files, parse=_parse, a_file_an_image=True)
judge, read, guess_task = FORMAT.judge, FORMAT.read, FORMAT.guess_task
