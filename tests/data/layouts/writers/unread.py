"""Formats of research sets that are recognised at best: KITTI, DOTA, VisDrone, WIDER FACE."""

from __future__ import annotations

from tests.data.layouts.tree import Tree
from tests.data.layouts.truth import Picture, Thing


def write(tree: Tree) -> None:
    style = tree.option("style")
    if style == "wider":
        tree.write(tree.layout.labels, "".join(_wider(picture) for picture in tree.truth.pictures))
        return
    for picture in tree.truth.pictures:
        lines = [f"{LINES[style](tree, thing)}\n" for thing in picture.things]
        head = "imagesource:GoogleEarth\ngsd:0.146343590398\n" if style == "dota" else ""
        tree.write(tree.fill(tree.layout.labels, picture), head + "".join(lines))


def _kitti(tree: Tree, thing: Thing) -> str:
    box = " ".join(f"{value:.2f}" for value in thing.box)
    return f"{thing.label.replace(' ', '')} 0.00 0 -1.57 {box} 1.65 1.67 3.64 -0.65 1.71 46.70 -1.59"


def _dota(tree: Tree, thing: Thing) -> str:
    points = " ".join(f"{value:.1f}" for point in thing.polygon for value in point)
    return f"{points} {thing.label.replace(' ', '-')} 0"


def _visdrone(tree: Tree, thing: Thing) -> str:
    x1, y1, x2, y2 = (int(value) for value in thing.box)
    return f"{x1},{y1},{x2 - x1},{y2 - y1},1,{tree.truth.index(thing.label) + 1},0,0"


def _wider(picture: Picture) -> str:
    boxes = [tuple(int(value) for value in thing.box) for thing in picture.things]
    lines = [f"{x1} {y1} {x2 - x1} {y2 - y1} 0 0 0 0 0 0\n" for x1, y1, x2, y2 in boxes]
    return f"0--Parade/{picture.file}\n{len(lines)}\n" + "".join(lines)


LINES = {"kitti": _kitti, "dota": _dota, "visdrone": _visdrone}
