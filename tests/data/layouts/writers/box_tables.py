"""Tables of boxes: a row an object, in the columns of the tools and sets that write them."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable

from tests.data.layouts.tree import Tree
from tests.data.layouts.truth import Picture, Thing

Row = Callable[[str, Picture, Thing], list[object]]


def write(tree: Tree) -> None:
    header, row = COLUMNS[tree.option("columns")]
    for path, pictures in tree.by_file(tree.layout.labels):
        stream = io.StringIO()
        writer = csv.writer(stream, lineterminator="\n")
        if header:
            writer.writerow(header)
        for picture in pictures:
            name = tree.reference(picture, path)
            for thing in picture.things:
                split = [tree.layout.splits[picture.split]] if tree.option("split_first") else []
                writer.writerow([*split, *row(name, picture, thing)])
        tree.write(path, stream.getvalue())
    if names := tree.option("names"):
        tree.write(names, "".join(f"{name},{at}\n" for at, name in enumerate(tree.truth.classes)))


def _whole(thing: Thing) -> list[int]:
    return [int(value) for value in thing.box]


def _parts(picture: Picture, thing: Thing) -> list[float]:
    width, height = picture.size
    x1, y1, x2, y2 = thing.box
    return [x1 / width, y1 / height, x2 / width, y2 / height]


def _vott(name: str, picture: Picture, thing: Thing) -> list[object]:
    return [name, *thing.box, thing.label]


def _tensorflow(name: str, picture: Picture, thing: Thing) -> list[object]:
    return [name, *picture.size, thing.label, *_whole(thing)]


def _open_images(name: str, picture: Picture, thing: Thing) -> list[object]:
    x1, y1, x2, y2 = _parts(picture, thing)
    return [name, "xclick", thing.label, 1, x1, x2, y1, y2, 0, 0, 0, 0, 0]


def _automl(name: str, picture: Picture, thing: Thing) -> list[object]:
    x1, y1, x2, y2 = _parts(picture, thing)
    return [f"gs://bucket/{name}", thing.label, x1, y1, "", "", x2, y2, "", ""]


def _retinanet(name: str, picture: Picture, thing: Thing) -> list[object]:
    return [name, *_whole(thing), thing.label]


def _readers(name: str, picture: Picture, thing: Thing) -> list[object]:
    """A competition's table, in which each reader of a picture has a number."""
    return [name, thing.label, 7, f"R{picture.number % 9}", *_whole(thing)]


COLUMNS: dict[str, tuple[list[str], Row]] = {
    "vott": (["image", "xmin", "ymin", "xmax", "ymax", "label"], _vott),
    "tensorflow": (["filename", "width", "height", "class", "xmin", "ymin", "xmax", "ymax"], _tensorflow),
    "open images": (
        [
            *("ImageID", "Source", "LabelName", "Confidence", "XMin", "XMax", "YMin", "YMax"),
            *("IsOccluded", "IsTruncated", "IsGroupOf", "IsDepiction", "IsInside"),
        ],
        _open_images,
    ),
    "automl": ([], _automl),
    "retinanet": ([], _retinanet),
    "readers": (["image_id", "class_name", "class_id", "rad_id", "x_min", "y_min", "x_max", "y_max"], _readers),
}
