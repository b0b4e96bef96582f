"""Pascal VOC's XML, as labelImg writes it."""

from __future__ import annotations

from xml.sax.saxutils import escape

from tests.data.layouts.tree import Tree
from tests.data.layouts.truth import Picture, Thing


def write(tree: Tree) -> None:
    write_annotations(tree, tree.layout.labels)
    if sets := tree.option("sets"):
        for split in tree.layout.splits:
            lines = [f"{picture.stem}\n" for picture in tree.truth.of(split)]
            tree.write(tree.fill(sets, split=split), "".join(lines))


def write_annotations(tree: Tree, pattern: str) -> None:
    """An XML file for each picture."""
    for picture in tree.truth.pictures:
        path = tree.fill(pattern, picture)
        tree.write(path, _annotation(tree, picture, path))


def _annotation(tree: Tree, picture: Picture, path: str) -> str:
    width, height = picture.size
    folder, name = (
        tree.image(picture).split("/")[-2:][0],
        picture.file if tree.option("xml") else tree.reference(picture, path),
    )
    return (
        f"<annotation>\n\t<folder>{escape(folder)}</folder>\n\t<filename>{escape(name)}</filename>\n"
        f"\t<path>C:\\Users\\ann\\{escape(picture.file)}</path>\n\t<source><database>Unknown</database></source>\n"
        f"\t<size><width>{width}</width><height>{height}</height><depth>3</depth></size>\n\t<segmented>0</segmented>\n"
        + "".join(_object(thing) for thing in picture.things)
        + "</annotation>\n"
    )


def _object(thing: Thing) -> str:
    corners = zip(("xmin", "ymin", "xmax", "ymax"), thing.box, strict=True)
    box = "".join(f"<{name}>{value:.0f}</{name}>" for name, value in corners)
    return (
        f"\t<object>\n\t\t<name>{escape(thing.label)}</name>\n\t\t<pose>Unspecified</pose>\n\t\t<truncated>0</truncated>\n"
        f"\t\t<difficult>0</difficult>\n\t\t<bndbox>{box}</bndbox>\n\t</object>\n"
    )
