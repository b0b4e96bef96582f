"""The own formats of labelling tools: CVAT, labelme, Label Studio, VIA and Custom Vision."""

from __future__ import annotations

import csv
import io
import json
from typing import Any
from urllib.parse import quote
from xml.sax.saxutils import quoteattr

from tests.data.layouts.tree import Tree
from tests.data.layouts.truth import Picture, Thing


def write_cvat(tree: Tree) -> None:
    """'CVAT for images 1.1': one XML with boxes, polygons and tags."""
    labels = "".join(f"<label><name>{quoteattr(name)[1:-1]}</name></label>" for name in tree.truth.classes)
    for path, pictures in tree.by_file(tree.layout.labels):
        images = []
        for at, picture in enumerate(pictures):
            width, height = picture.size
            name = quoteattr(tree.reference(picture, path))
            marks = "".join(_cvat_shape(thing, tree.truth.kind == "masks") for thing in picture.things)
            if not picture.things:
                marks = "".join(f'<tag label={quoteattr(name)} source="manual"></tag>' for name in picture.labels)
            images.append(f'  <image id="{at}" name={name} width="{width}" height="{height}">{marks}</image>\n')
        meta = f"<meta><task><name>t</name><labels>{labels}</labels></task></meta>"
        body = "".join(images)
        head = '<?xml version="1.0" encoding="utf-8"?>'
        tree.write(path, f"{head}\n<annotations><version>1.1</version>{meta}\n{body}</annotations>\n")


def _cvat_shape(thing: Thing, as_polygon: bool) -> str:
    label = quoteattr(thing.label)
    if as_polygon:
        points = ";".join(f"{x:.2f},{y:.2f}" for x, y in thing.polygon)
        return f'<polygon label={label} source="manual" occluded="0" points="{points}" z_order="0"></polygon>'
    x1, y1, x2, y2 = (f"{value:.2f}" for value in thing.box)
    corners = f'xtl="{x1}" ytl="{y1}" xbr="{x2}" ybr="{y2}"'
    return f'<box label={label} source="manual" occluded="0" {corners} z_order="0"></box>'


def write_labelme(tree: Tree) -> None:
    """A JSON file an image, beside it or apart."""
    for picture in tree.truth.pictures:
        path = tree.fill(tree.layout.labels, picture)
        width, height = picture.size
        tree.write(
            path,
            json.dumps(
                {
                    "version": "5.4.1",
                    "flags": {} if picture.things else {name: name in picture.labels for name in tree.truth.classes},
                    "shapes": [_labelme_shape(thing, tree.truth.kind == "masks") for thing in picture.things],
                    "imagePath": tree.reference(picture, path),
                    "imageData": None,
                    "imageHeight": height,
                    "imageWidth": width,
                },
                ensure_ascii=False,
            ),
        )


def _labelme_shape(thing: Thing, as_polygon: bool) -> dict[str, Any]:
    points = thing.polygon if as_polygon else (thing.box[:2], thing.box[2:])
    kind = "polygon" if as_polygon else "rectangle"
    return {"label": thing.label, "points": points, "group_id": None, "shape_type": kind, "flags": {}}


def write_label_studio(tree: Tree) -> None:
    """Its JSON export of tasks with annotations, or JSON_MIN."""
    minimal = tree.option("style") == "minimal"
    for path, pictures in tree.by_file(tree.layout.labels):
        tasks = []
        for at, picture in enumerate(pictures, start=1):
            image = (
                f"/data/upload/1/8f2c91ab-{picture.file}" if tree.option("prefixed") else tree.reference(picture, path)
            )
            image = f"/data/local-files/?d={quote(tree.image(picture))}" if tree.option("local") else image
            results = [_result(thing, picture, tree.truth.kind == "masks") for thing in picture.things]
            if minimal:
                tasks.append(
                    {"image": image, "id": at, "annotator": 1, "annotation_id": at, **_minimal(picture, results)}
                )
                continue
            results = results or [_choices(picture)]
            annotation = {"id": at, "completed_by": 1, "result": results, "was_cancelled": False, "ground_truth": False}
            tasks.append(
                {"id": at, "annotations": [annotation], "predictions": [], "data": {"image": image}, "project": 1}
            )
        tree.write(path, json.dumps(tasks, ensure_ascii=False))


def _choices(picture: Picture) -> dict[str, Any]:
    value = {"choices": list(picture.labels)}
    return {"value": value, "id": "c1", "from_name": "choice", "to_name": "image", "type": "choices"}


def _minimal(picture: Picture, results: list[dict[str, Any]]) -> dict[str, Any]:
    if results:
        sizes = {"original_width": picture.size[0], "original_height": picture.size[1]}
        return {"label": [{**result["value"], **sizes} for result in results]}
    names = list(picture.labels)
    return {"choice": names[0] if len(names) == 1 else {"choices": names}}


def _result(thing: Thing, picture: Picture, as_polygon: bool) -> dict[str, Any]:
    width, height = picture.size
    kind = "polygonlabels" if as_polygon else "rectanglelabels"
    if as_polygon:
        value: dict[str, Any] = {"points": [[x / width * 100, y / height * 100] for x, y in thing.polygon]}
    else:
        x1, y1, x2, y2 = thing.box
        value = {"x": x1 / width * 100, "y": y1 / height * 100}
        value |= {"width": (x2 - x1) / width * 100, "height": (y2 - y1) / height * 100, "rotation": 0}
    value[kind] = [thing.label]
    sizes = {"original_width": width, "original_height": height, "image_rotation": 0}
    return {**sizes, "value": value, "id": "r1", "from_name": "label", "to_name": "image", "type": kind}


def write_via(tree: Tree) -> None:
    """VIA 2's annotations, as a mapping, within a project file, or as its CSV."""
    for path, pictures in tree.by_file(tree.layout.labels):
        entries: dict[str, Any] = {}
        for picture in pictures:
            regions = [_region(thing, tree.option("attribute", "class"), tree.truth.kind) for thing in picture.things]
            name = tree.reference(picture, path)
            entry = {"filename": name, "size": len(picture.content), "regions": regions, "file_attributes": {}}
            entries[f"{name}{len(picture.content)}"] = entry
        style = tree.option("style")
        if style == "project":
            project = {"_via_settings": {"core": {}}, "_via_img_metadata": entries, "_via_attributes": {}}
            tree.write(path, json.dumps(project, ensure_ascii=False))
        elif style == "csv":
            tree.write(path, _via_csv(entries))
        else:
            tree.write(path, json.dumps(entries, ensure_ascii=False))


def _region(thing: Thing, attribute: str, kind: str) -> dict[str, Any]:
    x1, y1, x2, y2 = (int(value) for value in thing.box)
    shape: dict[str, Any] = {"name": "rect", "x": x1, "y": y1, "width": x2 - x1, "height": y2 - y1}
    if kind == "masks":
        across, down = [int(x) for x, _ in thing.polygon], [int(y) for _, y in thing.polygon]
        shape = {"name": "polygon", "all_points_x": across, "all_points_y": down}
    return {"shape_attributes": shape, "region_attributes": {attribute: thing.label}}


def _via_csv(entries: dict[str, Any]) -> str:
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    head = ("filename", "file_size", "file_attributes", "region_count", "region_id")
    writer.writerow([*head, "region_shape_attributes", "region_attributes"])
    for entry in entries.values():
        regions = entry["regions"]
        for at, region in enumerate(regions):
            shape, attributes = json.dumps(region["shape_attributes"]), json.dumps(region["region_attributes"])
            writer.writerow([entry["filename"], entry["size"], "{}", len(regions), at, shape, attributes])
    return stream.getvalue()


def write_custom_vision(tree: Tree) -> None:
    """The list of tagged images that its service returns."""
    for path, pictures in tree.by_file(tree.layout.labels):
        images = []
        for at, picture in enumerate(pictures):
            width, height = picture.size
            address = f"https://example.blob.core.windows.net/{picture.file}"
            entry = {"id": f"i{at}", "width": width, "height": height, "originalImageUri": address}
            images.append(
                entry
                | {"file": tree.reference(picture, path), "regions": [_tagged(t, picture) for t in picture.things]}
            )
        tree.write(path, json.dumps(images, ensure_ascii=False))


def _tagged(thing: Thing, picture: Picture) -> dict[str, Any]:
    width, height = picture.size
    x1, y1, x2, y2 = thing.box
    box = {"left": x1 / width, "top": y1 / height, "width": (x2 - x1) / width, "height": (y2 - y1) / height}
    return {"tagName": thing.label, **box}
