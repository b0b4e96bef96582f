"""COCO's JSON: images, annotations and categories, in one file or one a split."""

from __future__ import annotations

import json
from itertools import count
from typing import Any

from tests.data.layouts.tree import Tree
from tests.data.layouts.truth import Picture, Thing


def write(tree: Tree) -> None:
    for path, pictures in tree.by_file(tree.layout.labels):
        tree.write(path, json.dumps(_document(tree, pictures, path), ensure_ascii=False))


def _document(tree: Tree, pictures: list[Picture], path: str) -> dict[str, Any]:
    first = int(tree.option("first_id", "1"))
    categories = [
        {"id": first + at, "name": name, "supercategory": "thing"} for at, name in enumerate(tree.truth.classes)
    ]
    if tree.option("super"):  # one export puts the group of all classes first, which no object has
        categories.insert(0, {"id": first - 1, "name": tree.option("super"), "supercategory": "none"})
    numbers = count(1)
    images, annotations = [], []
    for image_id, picture in enumerate(pictures, start=int(tree.option("first_image", "1"))):
        width, height = picture.size
        images.append(
            {"id": image_id, "file_name": tree.reference(picture, path), "width": width, "height": height, "license": 1}
        )
        for thing in picture.things:
            category = first + tree.truth.index(thing.label)
            shape = _shape(thing, tree.truth.kind == "masks")
            annotations.append({"id": next(numbers), "image_id": image_id, "category_id": category, **shape})
    return {
        "info": {"year": "2020", "description": "Exported"},
        "licenses": [{"id": 1, "url": "", "name": "Unknown"}],
        "categories": categories,
        "images": images,
        "annotations": annotations,
    }


def _shape(thing: Thing, with_polygon: bool) -> dict[str, Any]:
    x1, y1, x2, y2 = thing.box
    width, height = x2 - x1, y2 - y1
    polygon = [[value for point in thing.polygon for value in point]] if with_polygon else []
    return {"bbox": [x1, y1, width, height], "area": width * height, "segmentation": polygon, "iscrowd": 0}
