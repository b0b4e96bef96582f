"""JSON Lines: the hosted product's, with or without an MLTable, and the metadata files of image folders."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

from tests.data.layouts.tree import Tree
from tests.data.layouts.truth import Picture, Thing
from tests.data.layouts.writers import voc

MLTABLE = """paths:
  - file: ./{name}
transformations:
  - read_json_lines:
        encoding: utf8
        invalid_lines: error
        include_path_column: false
  - convert_column_types:
      - columns: image_url
        column_type: stream_info
"""


def write(tree: Tree) -> None:
    for path, pictures in tree.by_file(tree.layout.labels):
        rows = [_hosted(tree, picture, path) for picture in pictures]
        tree.write(path, "".join(json.dumps(row) + "\n" for row in rows))
        if tree.option("mltable"):
            folder, _, name = path.rpartition("/")
            tree.write(f"{folder}/MLTable", MLTABLE.format(name=name))
    if pattern := tree.option("xml"):
        voc.write_annotations(tree, pattern)


def write_metadata(tree: Tree) -> None:
    """What `datasets` calls an ImageFolder with metadata."""
    for path, pictures in tree.by_file(tree.layout.labels):
        rows = [_metadata(tree, picture, path) for picture in pictures]
        if path.endswith(".jsonl"):
            tree.write(path, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
        else:
            stream = io.StringIO()
            writer = csv.DictWriter(stream, list(rows[0]), lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
            tree.write(path, stream.getvalue())


def _hosted(tree: Tree, picture: Picture, path: str) -> dict[str, Any]:
    width, height = picture.size
    label: Any = picture.label if tree.truth.kind == "label" else list(picture.labels)
    if picture.things:
        label = [_fractions(thing, picture, tree.truth.kind == "masks") for thing in picture.things]
    details = {"format": "jpg", "width": f"{width}px", "height": f"{height}px"}
    return {"image_url": tree.reference(picture, path), "image_details": details, "label": label}


def _fractions(thing: Thing, picture: Picture, as_polygon: bool) -> dict[str, Any]:
    width, height = picture.size
    if as_polygon:
        ring = [value for x, y in thing.polygon for value in (x / width, y / height)]
        return {"label": thing.label, "polygon": [ring], "isCrowd": "false"}
    x1, y1, x2, y2 = thing.box
    corners = {"topX": x1 / width, "topY": y1 / height, "bottomX": x2 / width, "bottomY": y2 / height}
    return {"label": thing.label, **corners, "isCrowd": 0}


def _metadata(tree: Tree, picture: Picture, path: str) -> dict[str, Any]:
    row: dict[str, Any] = {"file_name": tree.reference(picture, path)}
    if picture.things:
        boxes = [[x1, y1, x2 - x1, y2 - y1] for x1, y1, x2, y2 in (thing.box for thing in picture.things)]
        return row | {"objects": {"bbox": boxes, "categories": [thing.label for thing in picture.things]}}
    return row | {"label": picture.label if tree.truth.kind == "label" else list(picture.labels)}
