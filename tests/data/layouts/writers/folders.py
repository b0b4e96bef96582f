"""Class folders: the place of a picture says all."""

from __future__ import annotations

from tests.data.layouts.tree import Tree
from tests.data.layouts.writers.masks import write_mask


def write(tree: Tree) -> None:
    """Nothing beside the pictures, but for the lists and the masks that some sets bring."""
    if lists := tree.option("lists"):
        for path, pictures in tree.by_file(lists):
            lines = [f"{tree.image(picture)} {tree.truth.index(picture.label)}\n" for picture in pictures]
            tree.write(path, "".join(lines))
    if masks := tree.option("masks"):
        for picture in tree.truth.pictures:
            write_mask(tree, tree.fill(masks, picture), picture)
