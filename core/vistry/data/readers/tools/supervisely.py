"""Supervisely: a JSON file an image in ann/, with rectangles, polygons and bitmaps, or tags of the whole image."""

from __future__ import annotations

import base64
import io
import zlib
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
from vistry.data.readers.tools.outlines import ring_of_points
from vistry.data.source import DataSource

NAME = "supervisely"
HEAD = 4096


def _files(source: DataSource) -> list[Path]:
    return [file for file in source.files((".json",)) if _is_supervisely(file)]


def _is_supervisely(file: Path) -> bool:
    with file.open("rb") as stream:
        head = stream.read(HEAD)
    return b'"size"' in head and b'"objects"' in head and b'"tags"' in head


def _parse(source: DataSource, file: Path) -> Iterator[AnnotatedImage]:
    record = whole(file)
    if not isinstance(record, dict):
        raise FindingError(Finding.of("line-invalid", "the file holds no JSON object", file))
    size = record.get("size") or {}
    pixels = parse_pixels(size.get("width")), parse_pixels(size.get("height"))
    split = split_of_folders(source.relative(file).split("/")[:-1])
    image = AnnotatedImage([file.stem], file, size=pixels, split=split)
    tags = tuple(tag["name"] for tag in record.get("tags") or () if isinstance(tag, dict) and "name" in tag)
    image.labels = tags or None
    for drawn in record.get("objects") or ():
        try:
            image.objects.append(_object(drawn, pixels))
        except FindingError as error:
            image.faults.append(error.finding)
    yield image


def _object(drawn: Json, size: tuple[int, int]) -> Drawn:
    if not isinstance(drawn, dict):
        raise FindingError(Finding.of("object-invalid", f"the object is {drawn!r:.40}, not a JSON object"))
    label, kind = drawn.get("classTitle"), drawn.get("geometryType")
    if kind == "bitmap":
        return Drawn(label, shape=_bitmap(drawn.get("bitmap"), size))
    points = drawn.get("points") or {}
    outline = points.get("exterior") or ()
    if kind == "rectangle":
        x1, y1, x2, y2 = parse_box([value for point in outline for value in point], "x, y of two corners")
        return Drawn(label, box=(min(x1, x2), min(y1, y2), max(x1, x2), max(y1, y2)))
    if kind == "polygon":
        return Drawn(label, shape=Shape([ring_of_points(outline)]))
    raise FindingError(Finding.of("object-invalid", f"'{kind!s:.20}' is a shape without an area"))


def _bitmap(bitmap: Json, size: tuple[int, int]) -> Shape:
    """A picture, deflated and in base 64, whose corner lies at its origin."""
    try:
        left, top = (int(value) for value in bitmap["origin"])
        picture = Image.open(io.BytesIO(zlib.decompress(base64.b64decode(bitmap["data"]), bufsize=1 << 20)))
        pixels = np.asarray(picture)
    except Exception as error:  # whatever zlib and Pillow raise for what is no picture
        raise FindingError(Finding.of("mask-invalid", f"the bitmap can't be decoded: {error!s:.60}")) from None
    inside = pixels[..., -1] > 0 if pixels.ndim == 3 else pixels > 0
    width, height = size
    if left < 0 or top < 0 or top + inside.shape[0] > height or left + inside.shape[1] > width:
        raise FindingError(Finding.of("mask-size", f"the bitmap reaches out of the image's {width} x {height} pixels"))
    canvas = np.zeros((height, width), dtype=bool)
    canvas[top : top + inside.shape[0], left : left + inside.shape[1]] = inside
    return Shape(runs=mask_to_runs(canvas), height=height)


FORMAT = ToolFormat(NAME, "file(s) of Supervisely's JSON", files=_files, parse=_parse, a_file_an_image=True)
judge, read, guess_task = FORMAT.judge, FORMAT.read, FORMAT.guess_task
