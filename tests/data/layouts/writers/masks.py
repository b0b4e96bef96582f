"""Masks as pictures: a file an object, a file a class, or one file whose values are classes."""

from __future__ import annotations

import io
from collections.abc import Iterable

import numpy as np
from PIL import Image

from tests.data.layouts.tree import Tree
from tests.data.layouts.truth import Picture, Thing


def write(tree: Tree) -> None:
    for picture in tree.truth.pictures:
        path = tree.fill(tree.layout.labels, picture)
        style = tree.option("style", "binary")
        if style == "objects":
            for at, thing in enumerate(picture.things):
                tree.write(path.replace("#", f"{picture.number:04d}{at:02d}"), _png(picture, [(thing, 255)]))
        elif style == "binary":
            tree.write(path, _png(picture, [(thing, 255) for thing in picture.things]))
        else:
            tree.write(
                path, _png(picture, [(thing, tree.truth.index(thing.label) + 1) for thing in picture.things], "P")
            )
    if names := tree.option("names"):
        tree.write(names, "".join(f"{name}\n" for name in ("_background_", *tree.truth.classes)))


def write_mask(tree: Tree, path: str, picture: Picture) -> None:
    """A mask of a picture that isn't more closely described: white in the middle."""
    width, height = picture.size
    middle = (width // 4, height // 4, width // 2, height // 2)
    tree.write(path, _png(picture, [(Thing("", tuple(map(float, middle)), ()), 255)]))


def _png(picture: Picture, values: Iterable[tuple[Thing, int]], mode: str = "L") -> bytes:
    width, height = picture.size
    pixels = np.zeros((height, width), dtype=np.uint8)
    for thing, value in values:
        x1, y1, x2, y2 = (int(side) for side in thing.box)
        pixels[y1:y2, x1:x2] = value
    image = Image.fromarray(pixels)
    if mode == "P":
        image = image.convert("P")
        image.putdata(pixels.ravel().tolist())
        image.putpalette([0, 0, 0, 128, 0, 0, 0, 128, 0, 128, 128, 0, 0, 0, 128])
    stream = io.BytesIO()
    image.save(stream, "PNG")
    return stream.getvalue()
