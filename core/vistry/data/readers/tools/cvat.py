"""CVAT's own XML ("CVAT for images 1.1"): boxes, polygons, ellipses and masks of images, and tags."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from vistry.data.findings import Finding, FindingError
from vistry.data.masks.rle import mask_to_runs
from vistry.data.readers.object_builder import Shape
from vistry.data.readers.shapes import parse_box, parse_pixels
from vistry.data.readers.split_words import split_of_path, split_of_word
from vistry.data.readers.tools.annotated import AnnotatedImage, Drawn, ToolFormat
from vistry.data.readers.tools.outlines import ellipse_of, ring_of_points
from vistry.data.readers.xml_tree import Node, read_xml
from vistry.data.source import DataSource
from vistry.data.table import UNASSIGNED

NAME = "cvat"
CORNERS = ("xtl", "ytl", "xbr", "ybr")
# Kinds of shapes that enclose nothing.
WITHOUT_AREA = ("polyline", "points", "skeleton", "cuboid")
HEAD = 4096


def _files(source: DataSource) -> list[Path]:
    return [file for file in source.files((".xml",)) if _is_cvat(file)]


def _is_cvat(file: Path) -> bool:
    with file.open("rb") as stream:
        head = stream.read(HEAD)
    return b"<annotations" in head and (b"<image " in head or b"<meta" in head or b"<version" in head)


def _parse(source: DataSource, file: Path) -> Iterator[AnnotatedImage]:
    root = read_xml(file)
    if root.all("track"):
        message = "tracks of a video have no image files"
        raise FindingError(Finding.of("object-invalid", message, file).advising("export 'CVAT for images 1.1'"))
    for node in root.all("image"):
        yield _image(source, file, node)


def _image(source: DataSource, file: Path, node: Node) -> AnnotatedImage:
    size = parse_pixels(node.attributes.get("width")), parse_pixels(node.attributes.get("height"))
    split = split_of_word(node.attributes.get("subset", ""))
    image = AnnotatedImage([node.attributes.get("name", "")], file, line=node.line, size=size)
    image.split = split if split != UNASSIGNED else split_of_path(source.relative(file))
    tags = tuple(child.attributes.get("label", "") for child in node.all("tag"))
    image.labels = tags or None
    for child in node.children:
        if child.tag == "tag":
            continue
        try:
            image.objects.append(_object(child, size))
        except FindingError as error:
            image.faults.append(error.finding)
    return image


def _object(node: Node, size: tuple[int, int]) -> Drawn:
    label = node.attributes.get("label", "")
    if node.tag == "box":
        box = parse_box([node.attributes.get(name) for name in CORNERS], ", ".join(CORNERS))
        return Drawn(label, box=box, line=node.line)
    if node.tag == "polygon":
        points = [pair.split(",") for pair in node.attributes.get("points", "").split(";")]
        return Drawn(label, shape=Shape([ring_of_points(points)]), line=node.line)
    if node.tag == "ellipse":
        values = [node.attributes.get(name) for name in ("cx", "cy", "rx", "ry")]
        return Drawn(label, shape=Shape([ellipse_of(parse_box(values, "cx, cy, rx, ry"))]), line=node.line)
    if node.tag == "mask":
        return Drawn(label, shape=_mask(node, size), line=node.line)
    kind = "a shape without an area" if node.tag in WITHOUT_AREA else "no known shape"
    raise FindingError(Finding.of("object-invalid", f"<{node.tag}> is {kind}"))


def _mask(node: Node, size: tuple[int, int]) -> Shape:
    """Run lengths along the rows of the mask's box, outside first, as a mask from the image's corner on."""
    try:
        left, top, width, height = (int(node.attributes[name]) for name in ("left", "top", "width", "height"))
        counts = [int(part) for part in node.attributes["rle"].split(",")]
    except (KeyError, ValueError):
        raise FindingError(Finding.of("mask-invalid", "the mask lacks left, top, width, height or rle")) from None
    if min(left, top, width, height, *counts) < 0 or sum(counts) != width * height or width * height > 1 << 28:
        message = f"its run lengths cover {sum(counts)} pixels of {width} x {height}"
        raise FindingError(Finding.of("mask-invalid", message))
    inside = np.repeat(np.arange(len(counts)) % 2 == 1, counts).reshape(height, width)
    whole = np.zeros((max(size[1], top + height), max(size[0], left + width)), dtype=bool)
    whole[top : top + height, left : left + width] = inside
    return Shape(runs=mask_to_runs(whole), height=whole.shape[0])


FORMAT = ToolFormat(NAME, "file(s) of CVAT's XML", files=_files, parse=_parse)
judge, read, guess_task = FORMAT.judge, FORMAT.read, FORMAT.guess_task
